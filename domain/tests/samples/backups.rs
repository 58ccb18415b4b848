//! The events of backups and of the rules by which they are made.

use super::{Samples, at, id, sealed, text};
use clawplane_domain::{
    backup::{
        BackupEvent, Begun, DeletedBy, Form, MadeOf, Quiesce, RequestBackup, RequestRestore, Restored, Sums,
        Verified,
    },
    backup_schedule::{Rule, ScheduleEvent},
    bot::{Access, Fallback, Limits, ModelChoice},
};

pub(super) fn add(samples: &mut Samples) {
    requests(samples);
    let begun = Begun {
        worker: "01998c5e-0000-7000-8000-000000000001".into(),
        store: "s3:clawplane".into(),
        object: "tenant/backup.cpbk".into(),
        upload: Some("upload-1".into()),
        key: sealed(),
        was_running: true,
    };
    samples.minimal(&BackupEvent::Begun { begun: Begun { upload: None, ..begun.clone() } });
    samples.add(&BackupEvent::Begun { begun });
    let sums = Sums {
        size: 120_034,
        sha256: "5e".repeat(32),
        archive_size: 119_900,
        bytes: 1_500_000,
        entries: 42,
        left_out: 1,
        manifest_sha256: "a1".repeat(32),
    };
    samples.add(&BackupEvent::Completed { sums });
    samples.add(&BackupEvent::Failed { reason: "the store: it is full".into() });
    samples.add(&BackupEvent::Deleted { by: DeletedBy::Retention, data_key_id: Some(id(0xd)) });
    samples.minimal(&BackupEvent::Deleted { by: DeletedBy::Person, data_key_id: None });
    samples.add(&BackupEvent::Removed {});
    samples.add(&BackupEvent::Downloaded { form: Form::Plain });
    samples.variant(".sealed", &BackupEvent::Downloaded { form: Form::Sealed });
    samples.add(&BackupEvent::VerifyRequested {});
    let verified = Verified { ok: false, reason: Some("it is cut off".into()), at: at() };
    samples.minimal(&BackupEvent::Verified { verified: Verified { ok: true, reason: None, at: at() } });
    samples.add(&BackupEvent::Verified { verified });
    restores(samples);
    schedules(samples);
}

fn requests(samples: &mut Samples) {
    let made_of = MadeOf {
        name: text("Ada, the first"),
        image: Some(text("clawplane/openclaw:2026.9.6")),
        tags: vec![text("eu")],
        models: vec![ModelChoice { vendor: text("openai"), model: text("gpt-5") }],
        limits: Limits::default(),
        access: Access { allowed_models: Some(vec![text("gpt-5")]), allowed_vendors: None },
        fallbacks: vec![Fallback { from: text("openai"), to: text("groq"), model: None }],
        features: [(text("canvas"), true)].into(),
        environment: [(text("TZ"), text("UTC"))].into(),
    };
    let full = RequestBackup {
        id: id(0x51),
        tenant_id: id(0x2),
        bot_id: id(0x21),
        hostname: text("ada"),
        made_of: made_of.clone(),
        quiesce: Quiesce::Stop,
        batch_id: Some(id(0x52)),
        schedule_id: Some(id(0x53)),
        requested_by: Some(id(0x1)),
    };
    let made_of = MadeOf {
        image: None,
        tags: Vec::new(),
        access: Access::default(),
        fallbacks: Vec::new(),
        features: [].into(),
        environment: [].into(),
        ..made_of
    };
    let minimal = RequestBackup {
        made_of,
        quiesce: Quiesce::Pause,
        batch_id: None,
        schedule_id: None,
        requested_by: None,
        ..full.clone()
    };
    samples.add(&BackupEvent::Requested { request: full });
    samples.minimal(&BackupEvent::Requested { request: minimal });
}

fn restores(samples: &mut Samples) {
    let restore_id = id(0x54);
    let wanted = RequestRestore {
        restore_id,
        into: id(0x21),
        hostname: text("ada"),
        start: true,
        requested_by: id(0x1),
    };
    samples.add(&BackupEvent::RestoreRequested { wanted });
    samples.add(&BackupEvent::RestoreBegun { restore_id, worker: "w".into(), was_running: true });
    let restored = Restored { entries: 42, bytes: 1_500_000 };
    samples.add(&BackupEvent::RestoreSwapped { restore_id, restored });
    samples.add(&BackupEvent::RestoreCompleted { restore_id });
    samples.add(&BackupEvent::RestoreFailed { restore_id, reason: "it is cut off".into() });
}

fn schedules(samples: &mut Samples) {
    let full = Rule {
        bot_id: Some(id(0x21)),
        cron: text("30 3 * * 1-5"),
        quiesce: Quiesce::Stop,
        keep_last: Some(14),
        keep_days: Some(90),
    };
    let minimal =
        Rule { bot_id: None, quiesce: Quiesce::Pause, keep_last: None, keep_days: None, ..full.clone() };
    let set = |rule| ScheduleEvent::Set { id: id(0x53), tenant_id: id(0x2), at: at(), rule };
    samples.add(&set(full));
    samples.minimal(&set(minimal));
    samples.add(&ScheduleEvent::Ran { due: at() });
    samples.add(&ScheduleEvent::Removed {});
}
