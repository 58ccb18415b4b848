//! The events of bots.

use super::{Samples, at, id, sealed, text};
use clawplane_domain::{
    BotId, TokenHash,
    bot::{
        Access, BotEvent, BotState, ConfigOrigin, CreateBot, EarlierToken, ExecOutcome, ExecRequest,
        Fallback, FileChange, FileContent, GatewayToken, Limits, ModelChoice, Observation, Origin,
        RefusedEgress, Reshape, Setup,
    },
    openclaw::ConfigText,
};

pub(super) fn add(samples: &mut Samples) {
    let bot = CreateBot {
        id: id(0x21),
        host_id: clawplane_domain::HostId::LOCAL,
        host_labels: Vec::new(),
        tenant_id: id(0x2),
        created_by: id(0x1),
        hostname: text("ada"),
        name: text("Ada's helper"),
        image: Some(text("ghcr.io/openclaw/openclaw:2026.9")),
        port: 9200,
        tags: vec![text("eu")],
        models: vec![
            ModelChoice { vendor: text("anthropic"), model: text("claude-sonnet-4-5") },
            ModelChoice { vendor: text("openai"), model: text("gpt-5") },
        ],
        limits: Limits { memory_mib: 4096, cpu_millis: 1500, pids: 256, ..Limits::default() },
    };
    samples.add(&BotEvent::Created { bot: bot.clone() });
    let elsewhere = CreateBot { host_id: id(0x61), host_labels: vec![text("gpu")], ..bot.clone() };
    samples.variant(".placed", &BotEvent::Created { bot: elsewhere });
    samples.minimal(&BotEvent::Created { bot: CreateBot { image: None, tags: Vec::new(), ..bot } });

    let token = GatewayToken { hash: TokenHash::of("cp_sample"), sealed: sealed(), expires_at: Some(at()) };
    samples.add(&BotEvent::TokenIssued { token: token.clone() });
    samples.minimal(&BotEvent::TokenIssued { token: GatewayToken { expires_at: None, ..token.clone() } });

    let earlier = vec![EarlierToken { hash: TokenHash::of("cp_before"), valid_until: at() }];
    samples.add(&BotEvent::TokenRotated { token: token.clone(), earlier });
    let token_that_stays = GatewayToken { expires_at: None, ..token.clone() };
    samples.minimal(&BotEvent::TokenRotated { token: token_that_stays, earlier: Vec::new() });
    samples.add(&BotEvent::TokensRevoked { token_hashes: vec![token.hash, TokenHash::of("cp_before")] });

    let access = Access {
        allowed_models: Some(vec![text("gpt-5"), text("claude-sonnet-4*")]),
        allowed_vendors: Some(vec![text("anthropic"), text("openai")]),
    };
    samples.add(&BotEvent::AccessSet { access });
    samples.minimal(&BotEvent::AccessSet { access: Access::default() });
    let fallbacks = vec![
        Fallback { from: text("openai"), to: text("groq"), model: Some(text("llama-3.3-70b-versatile")) },
        Fallback { from: text("openai"), to: text("openrouter"), model: None },
    ];
    samples.add(&BotEvent::FallbacksSet { fallbacks });
    samples.minimal(&BotEvent::FallbacksSet { fallbacks: Vec::new() });

    samples.add(&BotEvent::EgressSet { allow: vec![text("api.github.com:443"), text("*.example.com:*")] });
    samples.minimal(&BotEvent::EgressSet { allow: Vec::new() });
    let refused = RefusedEgress { host: "evil.example".into(), port: 443, why: "not_allowed".into() };
    samples.add(&BotEvent::EgressRefused { refused });
    configs(samples);

    samples.add(&BotEvent::StartRequested {});
    samples.add(&BotEvent::StopRequested {});
    samples.add(&BotEvent::Deleted { hostname: text("ada"), token_hash: Some(token.hash), keep_data: false });
    let kept = BotEvent::Deleted { hostname: text("ada"), token_hash: Some(token.hash), keep_data: true };
    samples.variant(".kept", &kept);
    samples.minimal(&BotEvent::Deleted { hostname: text("ada"), token_hash: None, keep_data: false });

    let observation = Observation {
        state: BotState::Failed,
        reason: Some("the container ended: out of memory".into()),
        container_id: Some("4c01db0b339c".into()),
        exit_code: Some(137),
        restarts: 3,
        left_alone: false,
    };
    let alone = Observation { left_alone: true, ..observation.clone() };
    samples.variant(".alone", &BotEvent::Observed { observation: alone });
    samples.add(&BotEvent::Observed { observation });
    samples.minimal(&BotEvent::Observed { observation: Observation::new(BotState::Running) });
    execs(samples);
    samples.add(&BotEvent::MoveRequested { from: id(0x61), to: id(0x62), vacated: true });
    samples.add(&BotEvent::MoveCancelled {});
    samples.add(&BotEvent::LetGo { host_id: id(0x61) });
    samples.add(&BotEvent::Placed { host_id: id(0x62), from: id(0x61) });
    samples.add(&BotEvent::Left { host_id: id(0x61) });
    samples.add(&BotEvent::Removed { port: 9200 });
    life(samples);
}

fn execs(samples: &mut Samples) {
    let request = ExecRequest {
        exec_id: id::<BotId>(0x22).0,
        command: "ls -la /home/node".into(),
        command_digest: "ab".repeat(32),
        arguments: 3,
        stdin_bytes: 12,
        timeout_seconds: 30,
    };
    samples.add(&BotEvent::ExecRequested { request });
    let outcome = ExecOutcome {
        exec_id: id::<BotId>(0x22).0,
        exit_code: Some(137),
        timed_out: true,
        duration_ms: 30_012,
        output_bytes: 4096,
        error: Some("the container ended".into()),
    };
    samples.add(&BotEvent::ExecFinished { outcome: outcome.clone() });
    let plain = ExecOutcome { exit_code: None, timed_out: false, error: None, ..outcome };
    samples.minimal(&BotEvent::ExecFinished { outcome: plain });
}

fn life(samples: &mut Samples) {
    let setup = Setup {
        features: [(text("canvas"), true), (text("voice"), false)].into(),
        environment: [(text("TZ"), text("Europe/Berlin"))].into(),
        persona: Some(text("# Ada\n\nShort answers, no flattery.\n")),
        origin: Some(Origin::CloneOf(id(0x22))),
    };
    samples.add(&BotEvent::SetUp { setup });
    let taking = Setup { origin: Some(Origin::DataOf(id(0x22))), ..Setup::default() };
    samples.minimal(&BotEvent::SetUp { setup: taking });
    samples.add(&BotEvent::Renamed {
        name: text("Grace"),
        hostname: text("grace"),
        previous_hostname: text("ada"),
    });
    let shape = Reshape {
        limits: Some(Limits { memory_mib: 4096, cpu_millis: 1500, pids: 256, ..Limits::default() }),
        environment: Some([(text("TZ"), text("UTC"))].into()),
        features: Some([(text("canvas"), false)].into()),
        models: Some(vec![ModelChoice { vendor: text("openai"), model: text("gpt-5") }]),
        tags: Some(vec![text("us")]),
    };
    samples.add(&BotEvent::Changed { shape });
    let emptied = Reshape { environment: Some([].into()), tags: Some(Vec::new()), ..Reshape::default() };
    samples.minimal(&BotEvent::Changed { shape: emptied });
    samples.add(&BotEvent::RestartRequested { generation: 3 });
    samples.add(&BotEvent::InitRequested { generation: 4 });
    let image = || Some(text("ghcr.io/openclaw/openclaw:2026.10"));
    samples.add(&BotEvent::UpgradeBegun { number: 1, image: image() });
    samples.minimal(&BotEvent::UpgradeBegun { number: 1, image: None });
    samples.add(&BotEvent::UpgradeCommitted { number: 1, image: image() });
    samples.minimal(&BotEvent::UpgradeCommitted { number: 1, image: None });
    let reason = || "it ended with exit code 1".to_owned();
    samples.add(&BotEvent::UpgradeRolledBack { number: 1, image: image(), reason: reason() });
    samples.minimal(&BotEvent::UpgradeRolledBack { number: 1, image: None, reason: reason() });
}

fn configs(samples: &mut Samples) {
    let config_text = ConfigText::new("{ // mine\n}\n".to_owned()).expect("a text");
    let (bytes, sha256) = (config_text.as_str().len() as u64, config_text.sha256());
    let saved = BotEvent::ConfigSet {
        version: 3,
        origin: ConfigOrigin::Restored { version: 1 },
        bytes,
        sha256: sha256.clone(),
        config_text: config_text.clone(),
    };
    samples.add(&saved);
    samples.minimal(&BotEvent::ConfigSet {
        version: 1,
        origin: ConfigOrigin::Saved,
        bytes,
        sha256: sha256.clone(),
        config_text,
    });
    let content = Some(FileContent { bytes: 3, sha256 });
    let change = FileChange { path: "skills/weather/SKILL.md".to_owned(), content };
    samples.add(&BotEvent::FileChangeRequested { change: change.clone() });
    samples.minimal(&BotEvent::FileChangeRequested { change: FileChange { content: None, ..change } });
}
