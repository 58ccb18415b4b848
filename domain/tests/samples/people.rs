//! The events of users, their tenants and their sessions.

use super::{Samples, at, id, text};
use clawplane_domain::{
    TokenHash,
    session::{CloseReason, OpenSession, SessionEvent},
    tenant::{Role, TenantEvent},
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
