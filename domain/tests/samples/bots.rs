//! The events of bots.

use super::{Samples, at, id, sealed, text};
use clawplane_domain::{
    TokenHash,
    bot::{
        Access, BotEvent, BotState, ConfigOrigin, CreateBot, EarlierToken, Fallback, FileChange, FileContent,
        GatewayToken, Limits, ModelChoice, Observation,
    },
    openclaw::ConfigText,
};

pub(super) fn add(samples: &mut Samples) {
    let bot = CreateBot {
        id: id(0x21),
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
        limits: Limits { memory_mib: 4096, cpu_millis: 1500, pids: 256 },
    };
    samples.add(&BotEvent::Created { bot: bot.clone() });
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

    configs(samples);

    samples.add(&BotEvent::StartRequested {});
    samples.add(&BotEvent::StopRequested {});
    samples.add(&BotEvent::Deleted { hostname: text("ada"), token_hash: Some(token.hash) });
    samples.minimal(&BotEvent::Deleted { hostname: text("ada"), token_hash: None });

    let observation = Observation {
        state: BotState::Failed,
        reason: Some("the container ended: out of memory".into()),
        container_id: Some("4c01db0b339c".into()),
        exit_code: Some(137),
        restarts: 3,
    };
    samples.add(&BotEvent::Observed { observation });
    samples.minimal(&BotEvent::Observed { observation: Observation::new(BotState::Running) });
    samples.add(&BotEvent::Removed { port: 9200 });
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
