//! One event of every kind with everything in it, and one with nothing optional where there is a difference.

mod backups;
mod bots;
mod hosts;
mod people;

use chrono::DateTime;
use clawplane_domain::{
    DomainEvent, SealedSecret, Timestamp,
    price::{PriceEvent, PriceRow, PriceScope, Rates},
    provider_key::{AddKey, ApiType, CoolCode, Cooling, DisabledBy, Disabling, KeyEvent, OnDisconnect},
    quota::{QuotaEvent, QuotaLimits, QuotaSubject, Reached, Threshold, UnknownPrice, WindowLimit},
    quota_lease::{LeaseEvent, Returned, Slice},
    usage::{TokenDetails, Tokens, USAGE_RECORDED, USAGE_VERSION, UsageRecorded},
};
use serde_json::Value;
use std::{collections::BTreeMap, fmt::Debug, str::FromStr};
use uuid::Uuid;

/// File names with what they hold.
pub fn all() -> BTreeMap<String, Value> {
    let mut samples = Samples::default();
    backups::add(&mut samples);
    bots::add(&mut samples);
    hosts::add(&mut samples);
    people::add(&mut samples);
    keys(&mut samples);
    prices(&mut samples);
    quotas(&mut samples);
    usage(&mut samples);
    samples.0
}

#[derive(Default)]
pub struct Samples(BTreeMap<String, Value>);

impl Samples {
    fn add(&mut self, event: &impl DomainEvent) {
        self.put(&event.event_type(), &event.event_version(), "", event);
    }

    fn minimal(&mut self, event: &impl DomainEvent) {
        self.put(&event.event_type(), &event.event_version(), ".minimal", event);
    }

    fn variant(&mut self, variant: &str, event: &impl DomainEvent) {
        self.put(&event.event_type(), &event.event_version(), variant, event);
    }

    fn put(&mut self, name: &str, version: &str, variant: &str, event: &impl serde::Serialize) {
        let file = format!("{name}.v{version}{variant}.json");
        let twice = self.0.insert(file.clone(), serde_json::to_value(event).unwrap());
        assert!(twice.is_none(), "{file} has two samples");
    }
}

fn id<I: From<Uuid>>(n: u128) -> I {
    I::from(Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0000 | n))
}

fn text<V: FromStr<Err: Debug>>(text: &str) -> V {
    text.parse().unwrap()
}

fn at() -> Timestamp {
    DateTime::from_timestamp_micros(1_772_366_400_123_456).unwrap()
}

fn sealed() -> SealedSecret {
    let (nonce, ciphertext) = ("0102030405060708090a0b0c".into(), "c0ffee".into());
    SealedSecret { data_key_id: id(0xd), nonce, ciphertext }
}

fn keys(samples: &mut Samples) {
    let full = AddKey {
        id: id(0x31),
        tenant_id: id(0x2),
        created_by: id(0x1),
        vendor: text("custom"),
        label: text("Hall 3, behind the stairs"),
        tags: vec![text("eu"), text("fast")],
        weight: 5,
        base_url: Some(text("https://llm.example.org/v1")),
        api_type: Some(ApiType::Openai),
        on_disconnect: OnDisconnect::Cancel,
        sealed: sealed(),
    };
    let minimal =
        AddKey { vendor: text("openai"), tags: Vec::new(), base_url: None, api_type: None, ..full.clone() };
    let draining = AddKey { on_disconnect: OnDisconnect::Drain, ..full.clone() };
    samples.variant(".drain", &KeyEvent::Added { key: draining });
    samples.add(&KeyEvent::Added { key: full });
    samples.minimal(&KeyEvent::Added { key: minimal });
    samples.add(&KeyEvent::Deleted { data_key_id: id(0xd) });
    samples.add(&KeyEvent::Changed { label: text("Hall 4"), tags: vec![text("eu")], weight: 7 });
    samples.add(&KeyEvent::Rotated { sealed: sealed(), previous_data_key_id: id(0xe) });
    let disabling = Disabling {
        by: DisabledBy::Proxy,
        reason: "the vendor refused the key with 401".into(),
        status: Some(401),
    };
    samples.add(&KeyEvent::Disabled { disabling });
    let by_hand = Disabling { by: DisabledBy::Person, reason: "leaked".into(), status: None };
    samples.minimal(&KeyEvent::Disabled { disabling: by_hand });
    samples.add(&KeyEvent::Enabled {});
    let cooling = Cooling { until: at(), code: CoolCode::RateLimited, status: Some(429), failures: 3 };
    samples.add(&KeyEvent::Cooled { cooling });
    let unreachable = Cooling { code: CoolCode::UpstreamUnreachable, status: None, ..cooling };
    samples.minimal(&KeyEvent::Cooled { cooling: unreachable });
    samples.add(&KeyEvent::Recovered {});
}

fn prices(samples: &mut Samples) {
    let scope = |model, valid_from| PriceScope { vendor: text("anthropic"), model: text(model), valid_from };
    let full = Rates {
        input_micros: 3_000_000,
        output_micros: 15_000_000,
        cached_input_micros: Some(300_000),
        cache_write_micros: Some(3_750_000),
        cache_write_1h_micros: Some(6_000_000),
        input_audio_micros: Some(1),
        cached_audio_micros: Some(2),
        input_image_micros: Some(3),
        cached_image_micros: Some(4),
        input_video_micros: Some(5),
        reasoning_micros: Some(6),
        output_audio_micros: Some(7),
        output_image_micros: Some(8),
        output_video_micros: Some(9),
        citation_micros: Some(10),
        request_micros: Some(100),
        web_search_micros: Some(10_000),
        file_search_micros: Some(2_500),
        audio_second_micros: Some(11),
        document_page_micros: Some(12),
    };
    let minimal = Rates { input_micros: 0, output_micros: 1, ..Rates::default() };
    let (dated, always) = (scope("claude-sonnet-*", Some(at())), scope("claude-opus-4", None));
    let row = PriceRow { scope: dated.clone(), rates: full };
    samples.add(&PriceEvent::Set { row, replaces: Some(always.clone()) });
    samples.minimal(&PriceEvent::Set {
        row: PriceRow { scope: always.clone(), rates: minimal },
        replaces: None,
    });
    samples.add(&PriceEvent::Removed { scope: dated });
    samples.minimal(&PriceEvent::Removed { scope: always });
}

fn quotas(samples: &mut Samples) {
    let full = QuotaLimits {
        daily_tokens: Some(1_000_000),
        monthly_tokens: Some(20_000_000),
        daily_cost_micros: Some(5_000_000),
        monthly_cost_micros: Some((1 << 53) - 1),
        requests_per_minute: Some(60),
        tokens_per_minute: Some(0),
        unknown_price: UnknownPrice::Refuse,
    };
    let (bot, tenant) = (QuotaSubject::bot(id(0x2), id(0x21)), QuotaSubject::tenant(id(0x2)));
    let set = |subject, limits| QuotaEvent::Set { subject, limits };
    samples.add(&set(bot, full));
    samples.minimal(&set(bot, QuotaLimits::default()));
    let allow = QuotaLimits { unknown_price: UnknownPrice::Allow, ..full };
    samples.variant(".tenant", &set(tenant, allow));
    samples.add(&QuotaEvent::Cleared { subject: bot });
    samples.variant(".tenant", &QuotaEvent::Cleared { subject: tenant });
    let reached = Reached {
        limit: WindowLimit::MonthlyCostMicros,
        of: 5_000_000,
        window_start: at(),
        percent: Threshold::Near,
        used: 4_000_001,
    };
    samples.add(&QuotaEvent::ThresholdReached { subject: bot, reached });
    let full =
        Reached { limit: WindowLimit::DailyTokens, percent: Threshold::Full, used: 5_000_000, ..reached };
    samples.variant(".tenant", &QuotaEvent::ThresholdReached { subject: tenant, reached: full });
    leases(samples, bot);
}

fn leases(samples: &mut Samples, subject: QuotaSubject) {
    let holder = "0199abcd:7".to_owned();
    let slice = |limit| Slice { limit, known: 1_000, used: 200, ceiling: 60_000 };
    samples.add(&LeaseEvent::Leased {
        subject,
        holder: holder.clone(),
        expires_at: at(),
        slices: vec![slice(WindowLimit::DailyTokens), slice(WindowLimit::MonthlyTokens)],
    });
    let slices = vec![Returned { limit: WindowLimit::DailyCostMicros, used: 200 }];
    samples.add(&LeaseEvent::Returned { subject, holder, slices });
}

fn usage(samples: &mut Samples) {
    let full = UsageRecorded {
        request_id: id(0x41),
        tenant_id: id(0x2),
        bot_id: id(0x21),
        key_id: Some(id(0x31)),
        vendor: text("anthropic"),
        model: Some(text("claude-sonnet-4-5")),
        status: 200,
        error: Some("upstream_timeout".into()),
        stream: true,
        tokens: Tokens {
            input_tokens: 1200,
            cached_input_tokens: 1000,
            cache_write_tokens: 100,
            output_tokens: 340,
            reasoning_tokens: 40,
            ..Tokens::default()
        },
        service_tier: None,
        cost_micros: Some(6789),
        price_version: Some("2026-02-28".into()),
        estimated: false,
        interrupted: true,
        ttfb_ms: Some(310),
        duration_ms: 4200,
        at: at(),
        attempts: 1,
    };
    let minimal = UsageRecorded {
        key_id: None,
        model: None,
        status: 429,
        error: None,
        tokens: Tokens::default(),
        cost_micros: None,
        price_version: None,
        ttfb_ms: None,
        ..full.clone()
    };
    let details = TokenDetails {
        cache_write_1h_tokens: 60,
        input_audio_tokens: 50,
        cached_audio_tokens: 40,
        input_image_tokens: 30,
        cached_image_tokens: 20,
        input_video_tokens: 10,
        output_audio_tokens: 9,
        output_image_tokens: 8,
        output_video_tokens: 7,
        citation_tokens: 6,
        web_searches: 5,
        file_searches: 2,
        audio_seconds: 4,
        document_pages: 3,
    };
    let detailed = UsageRecorded {
        tokens: Tokens { details, ..full.tokens },
        service_tier: Some("priority".into()),
        ..full.clone()
    };
    samples.put(USAGE_RECORDED, USAGE_VERSION, ".detailed", &detailed);
    samples.put(USAGE_RECORDED, USAGE_VERSION, "", &full);
    samples.put(USAGE_RECORDED, USAGE_VERSION, ".minimal", &minimal);
    samples.put(USAGE_RECORDED, USAGE_VERSION, ".retried", &UsageRecorded { attempts: 3, ..full });
}
