//! What a new installation needs before anybody can sign in: its first administrator, and the demo's key.

use anyhow::Context;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use clawplane_api::accounts::{self, NewAccount};
use clawplane_domain::{
    Actor, KeyId, Metadata, Secret, TenantId, UserId,
    claim::Scope,
    clock::{Clock, Ids},
    provider_key::{AddKey, KeyCommand, ProviderKey},
    sealed::bound_to_key,
    user::User,
    values::{BaseUrl, Email, Label},
};
use clawplane_eventstore::{ClaimTable, Executor, Vault};
use clawplane_projections::Views;
use std::sync::Arc;

const DEFAULT_EMAIL: &str = "admin@clawplane.local";
const DEMO_LABEL: &str = "demo echo vendor";

/// What bootstrapping works with.
#[derive(Clone)]
pub(crate) struct Bootstrap {
    pub(crate) executor: Executor,
    pub(crate) claims: ClaimTable,
    pub(crate) vault: Vault,
    pub(crate) views: Views,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
}

/// The first administrator.
pub(crate) struct Administrator {
    pub(crate) email: Email,
    pub(crate) user: UserId,
    pub(crate) tenant: TenantId,
    /// The password, when it was made up just now: it is shown this once.
    pub(crate) made_up: Option<Secret>,
}

impl Bootstrap {
    /// Makes the first administrator, if there is no account with that address.
    pub(crate) async fn administrator(
        &self,
        email: Option<Email>,
        password: Option<Secret>,
    ) -> anyhow::Result<Administrator> {
        let email = email.map_or_else(|| DEFAULT_EMAIL.parse(), Ok)?;
        let mut made_up = None;
        let user = match self.claims.holder(Scope::UserEmail, email.as_str()).await? {
            Some(id) => id.parse()?,
            None => {
                let password = password.unwrap_or_else(|| {
                    let random = BASE64_URL_SAFE_NO_PAD.encode(&self.ids.random()[..18]);
                    made_up.insert(Secret::new(random)).clone()
                });
                let name: Label = "Administrator".parse()?;
                let new = NewAccount { email: email.clone(), password, name, administrator: true };
                accounts::register(&self.executor, &self.claims, &*self.clock, &*self.ids, new).await?
            }
        };
        let account = self.executor.load::<User>(&user.to_string()).await?.account;
        let tenant = account.context("the administrator's account has no events")?.personal_tenant;
        Ok(Administrator { email, user, tenant, made_up })
    }

    /// Makes sure that the administrator's tenant has a key for the demo vendor as it runs now.
    pub(crate) async fn demo_key(
        &self,
        admin: &Administrator,
        base_url: &str,
        secret: &Secret,
    ) -> anyhow::Result<()> {
        let base_url: BaseUrl = base_url.parse()?;
        let keys = self.views.keys.list(admin.tenant, None, 200).await?.items;
        let mut there = false;
        for key in keys.into_iter().filter(|key| key.label.as_str() == DEMO_LABEL) {
            if key.base_url.as_ref() == Some(&base_url) && !there {
                there = true;
                continue;
            }
            // Its port was taken at this start, so the demo vendor has another one.
            self.executor.execute::<ProviderKey>(key.id, KeyCommand::Delete, self.metadata(admin)).await?;
        }
        if there {
            return Ok(());
        }
        let id = KeyId(self.ids.uuid());
        let sealed = self.vault.seal(secret, &bound_to_key(admin.tenant, id)).await?;
        let add = AddKey {
            id,
            tenant_id: admin.tenant,
            created_by: admin.user,
            vendor: "openai".parse()?,
            label: DEMO_LABEL.parse()?,
            tags: Vec::new(),
            weight: 1,
            base_url: Some(base_url),
            api_type: None,
            on_disconnect: clawplane_domain::provider_key::OnDisconnect::default(),
            sealed,
        };
        self.executor
            .execute::<ProviderKey>(id, KeyCommand::Add(Box::new(add)), self.metadata(admin))
            .await?;
        Ok(())
    }

    fn metadata(&self, admin: &Administrator) -> Metadata {
        Metadata {
            tenant_id: admin.tenant,
            actor: Actor::system("demo"),
            at: self.clock.now(),
            request_id: None,
            causation: None,
        }
    }
}
