//! The events of users, their tenants and their sessions.

use super::{Samples, at, id, text};
use clawplane_domain::{
    BotId, TokenHash,
    session::{CloseReason, OpenSession, SessionEvent},
    tenant::{Plan, Role, Share, TenantEvent},
    upkeep::{Leftover, LeftoverKind, UpkeepEvent},
    user::{Account, UserEvent},
};

const PASSWORD_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g";

pub(super) fn add(samples: &mut Samples) {
    let account = Account {
        id: id(0x1),
        email: text("ada@example.org"),
        name: text("Ada"),
        password_hash: PASSWORD_HASH.into(),
        personal_tenant: id(0x2),
        administrator: true,
    };
    samples.add(&UserEvent::Registered { account });
    samples.add(&UserEvent::PasswordChanged { password_hash: PASSWORD_HASH.into() });

    samples.add(&TenantEvent::Created { id: id(0x2), name: text("Ada"), personal: true });
    samples.add(&TenantEvent::MemberAdded { user_id: id(0x1), role: Role::Owner });
    samples.add(&TenantEvent::TimeZoneSet { time_zone: text("Europe/Berlin") });

    let each = Share { memory_mib: 4096, cpu_millis: 2000, pids: 512, disk_mib: 20_480 };
    let all = Share { memory_mib: 16_384, cpu_millis: 8000, pids: 4096, disk_mib: 102_400 };
    samples.add(&TenantEvent::PlanSet { plan: Plan { bots: 5, each, all, writable_root: true } });

    let folder = id::<BotId>(0x22).to_string();
    let leftovers = vec![
        Leftover {
            kind: LeftoverKind::Container,
            id: "4c01db0b339c".into(),
            name: "clawplane-ada".into(),
            bot: Some(id(0x21)),
        },
        Leftover { kind: LeftoverKind::Folder, id: folder.clone(), name: folder, bot: None },
    ];
    samples.add(&UpkeepEvent::CleanupRequested { leftovers });

    let session = OpenSession {
        id: id(0x11),
        user_id: id(0x1),
        tenant_id: id(0x2),
        refresh_hash: TokenHash::of("first"),
        expires_at: at(),
    };
    samples.add(&SessionEvent::Opened { session });
    samples.add(&SessionEvent::Refreshed { refresh_hash: TokenHash::of("second"), expires_at: at() });
    samples.add(&SessionEvent::Closed { reason: CloseReason::TokenReuse });
}
