//! The events of bots.

use super::{Samples, at, id, sealed, text};
use clawplane_domain::{
    TokenHash,
    bot::{
        Access, BotEvent, BotState, CreateBot, EarlierToken, Fallback, GatewayToken, Limits, ModelChoice,
        Observation,
    },
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
        limits: Limits { memory_mib: 4096, cpu_millis: 1500, pids: 256 },
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
    samples.add(&BotEvent::MoveRequested { from: id(0x61), to: id(0x62), vacated: true });
    samples.add(&BotEvent::MoveCancelled {});
    samples.add(&BotEvent::LetGo { host_id: id(0x61) });
    samples.add(&BotEvent::Placed { host_id: id(0x62), from: id(0x61) });
    samples.add(&BotEvent::Left { host_id: id(0x61) });
    samples.add(&BotEvent::Removed { port: 9200 });
}
