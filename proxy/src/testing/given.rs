//! What has happened: bots, keys, quotas, prices and fallbacks, as events.

use super::{World, fresh, seal, tags};
use clawplane_domain::{
    BotId, DataKeyId, Decide, DomainEvent, KeyId, PriceId, TenantId, Timestamp, TokenHash, UserId,
    bot::{BotEvent, CreateBot, Fallback, GatewayToken, Limits},
    price::{PriceEvent, PriceRow, PriceScope, Rates},
    provider_key::{AddKey, ApiType, KeyCommand, KeyEvent, ProviderKey},
    quota::{QuotaEvent, QuotaLimits, QuotaSubject},
};
use clawplane_eventstore::RecordedEvent;
use uuid::Uuid;

impl World {
    /// A bot with `token`.
    pub(crate) fn bot(
        &self,
        tenant: TenantId,
        token: &str,
        names: &[&str],
        expires_at: Option<Timestamp>,
    ) -> BotId {
        let id = BotId(fresh());
        let bot = CreateBot {
            id,
            host_id: clawplane_domain::HostId::LOCAL,
            host_labels: Vec::new(),
            tenant_id: tenant,
            created_by: UserId(fresh()),
            hostname: "bot".parse().unwrap(),
            name: "Bot".parse().unwrap(),
            image: None,
            port: 9200,
            tags: tags(names),
            models: Vec::new(),
            limits: Limits::default(),
        };
        self.emit("bot", id, tenant, &BotEvent::Created { bot });
        self.token(tenant, id, token, expires_at);
        id
    }

    pub(crate) fn token(&self, tenant: TenantId, bot: BotId, token: &str, expires_at: Option<Timestamp>) {
        let token =
            GatewayToken { hash: TokenHash::of(token), sealed: seal(token, &bot.to_string()), expires_at };
        self.emit("bot", bot, tenant, &BotEvent::TokenIssued { token });
    }

    pub(crate) fn bot_event(&self, tenant: TenantId, bot: BotId, event: &BotEvent) {
        self.emit("bot", bot, tenant, event);
    }

    /// Lets vendors stand in for others: `from`, `to`, and the model or nothing.
    pub(crate) fn fallbacks(&self, tenant: TenantId, bot: BotId, list: &[(&str, &str, &str)]) {
        let entry = |(from, to, model): &(&str, &str, &str)| Fallback {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            model: (!model.is_empty()).then(|| model.parse().unwrap()),
        };
        let event = BotEvent::FallbacksSet { fallbacks: list.iter().map(entry).collect() };
        self.emit("bot", bot, tenant, &event);
    }

    pub(crate) fn delete_bot(&self, tenant: TenantId, bot: BotId) {
        let event =
            BotEvent::Deleted { hostname: "bot".parse().unwrap(), token_hash: None, keep_data: false };
        self.emit("bot", bot, tenant, &event);
    }

    pub(crate) fn key(&self, tenant: TenantId, vendor: &str, secret: &str, base_url: Option<&str>) -> KeyId {
        self.key_with(tenant, vendor, secret, base_url, &[], None)
    }

    pub(crate) fn key_with(
        &self,
        tenant: TenantId,
        vendor: &str,
        secret: &str,
        base_url: Option<&str>,
        names: &[&str],
        api_type: Option<ApiType>,
    ) -> KeyId {
        let id = KeyId(fresh());
        let key = AddKey {
            id,
            tenant_id: tenant,
            created_by: UserId(fresh()),
            vendor: vendor.parse().unwrap(),
            label: "key".parse().unwrap(),
            tags: tags(names),
            weight: 1,
            base_url: base_url.map(|url| url.parse().unwrap()),
            api_type,
            on_disconnect: *self.on_disconnect.lock().unwrap(),
            sealed: seal(secret, &clawplane_domain::sealed::bound_to_key(tenant, id)),
        };
        self.emit("provider_key", id, tenant, &KeyEvent::Added { key });
        id
    }

    pub(crate) fn delete_key(&self, tenant: TenantId, key: KeyId) {
        self.emit("provider_key", key, tenant, &KeyEvent::Deleted { data_key_id: DataKeyId(Uuid::nil()) });
    }

    /// Gives a key a command, as the executor would; how many events it led to.
    pub(crate) fn command_key(&self, key: KeyId, command: KeyCommand, causation: Option<&str>) -> usize {
        let mut state = ProviderKey::default();
        let stored: Vec<_> = {
            let events = self.events.lock().unwrap();
            let ours = |event: &&RecordedEvent| event.aggregate_id == key.to_string();
            events.iter().filter(ours).map(|event| event.payload.clone()).collect()
        };
        for event in stored {
            state.evolve(event.decode().unwrap());
        }
        let tenant = state.key.as_ref().unwrap().tenant_id;
        let events = state.decide(command).unwrap();
        for event in &events {
            let name = event.event_type();
            let causation = causation.map(str::to_owned);
            self.emit_because("provider_key", &key.to_string(), tenant, &name, event, causation);
        }
        events.len()
    }

    /// The names of a key's events.
    pub(crate) fn history(&self, key: KeyId) -> Vec<String> {
        let events = self.events.lock().unwrap();
        let ours = events.iter().filter(|event| event.aggregate_id == key.to_string());
        ours.map(|event| event.event_type.trim_start_matches("provider_key.").to_owned()).collect()
    }

    /// Waits until a key's events are these.
    pub(crate) async fn wait_for_history(&self, key: KeyId, wanted: &[&str]) {
        let waiting = async {
            while self.history(key) != wanted {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        let came = tokio::time::timeout(std::time::Duration::from_secs(10), waiting).await;
        came.unwrap_or_else(|_| panic!("{:?} instead of {wanted:?}", self.history(key)));
    }

    pub(crate) fn quota(&self, tenant: TenantId, bot: BotId, limits: QuotaLimits) {
        self.limit(QuotaSubject::bot(tenant, bot), Some(limits));
    }

    /// Says what a model costs.
    pub(crate) fn price(&self, id: PriceId, vendor: &str, model: &str, rates: &Rates) {
        let scope =
            PriceScope { vendor: vendor.parse().unwrap(), model: model.parse().unwrap(), valid_from: None };
        let event = PriceEvent::Set { row: PriceRow { scope, rates: *rates }, replaces: None };
        self.emit("price", id, TenantId(fresh()), &event);
    }

    pub(crate) fn remove_price(&self, id: PriceId, vendor: &str, model: &str) {
        let scope =
            PriceScope { vendor: vendor.parse().unwrap(), model: model.parse().unwrap(), valid_from: None };
        self.emit("price", id, TenantId(fresh()), &PriceEvent::Removed { scope });
    }

    /// Sets or clears the quota of a bot or a tenant.
    pub(crate) fn limit(&self, subject: QuotaSubject, limits: Option<QuotaLimits>) {
        let event = match limits {
            Some(limits) => QuotaEvent::Set { subject, limits },
            None => QuotaEvent::Cleared { subject },
        };
        self.desk.lock().unwrap().limit(subject, limits);
        self.emit("quota", subject.stream(), subject.tenant_id, &event);
    }

    pub(crate) fn shred_all(&self) {
        let events = self.events.lock().unwrap();
        let payloads = events.iter().map(|event| event.value().unwrap());
        let ids = payloads.filter_map(|payload| payload.pointer("/sealed/dataKeyId").cloned());
        *self.shredded.lock().unwrap() = ids.map(|id| serde_json::from_value(id).unwrap()).collect();
    }
}
