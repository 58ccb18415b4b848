//! Provider keys between the crates: what the proxy learns about them becomes events, what the API asks about them is
//! asked by the proxy.

use async_trait::async_trait;
use clawplane_api::{KeyVerifier, Verification};
use clawplane_domain::{
    Actor, Metadata,
    provider_key::{AddKey, DisabledBy, Disabling, KeyCommand, ProviderKey},
    sealed::bound_to_key,
};
use clawplane_eventstore::{ExecuteError, Executor, Vault, VaultError};
use clawplane_proxy::{
    Verifier,
    ports::{BoxError, KeyNews, KeyReport, KeyReports},
};

/// Gives the proxy's news to the keys they are about, as commands.
pub(super) struct KeyNewsDesk(pub(super) Executor);

#[async_trait]
impl KeyReports for KeyNewsDesk {
    async fn report(&self, report: &KeyReport) -> Result<(), BoxError> {
        let metadata = Metadata {
            tenant_id: report.tenant_id,
            actor: Actor::system("proxy"),
            at: report.at,
            request_id: None,
            causation: Some(report.proxy.clone()),
        };
        match self.0.execute::<ProviderKey>(report.key_id, command(report), metadata).await {
            Ok(_) => Ok(()),
            Err(ExecuteError::Refused(refusal)) => {
                tracing::debug!(%refusal, key = %report.key_id, "news of a provider key came too late");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn command(report: &KeyReport) -> KeyCommand {
    let secret = report.secret;
    match report.news {
        KeyNews::Refused { status } => {
            let reason = format!("the vendor refused the key with {status}");
            let disabling = Disabling { by: DisabledBy::Proxy, reason, status: Some(status) };
            KeyCommand::Disable { disabling, secret: Some(secret) }
        }
        KeyNews::Cooled(cooling) => KeyCommand::Cool { cooling, secret },
        KeyNews::Recovered => KeyCommand::Recover { secret },
    }
}

/// Opens a key and asks its vendor about it.
pub(super) struct VendorCalls {
    pub(super) vault: Vault,
    pub(super) verifier: Verifier,
}

#[async_trait]
impl KeyVerifier for VendorCalls {
    async fn verify(&self, key: &AddKey) -> Result<Verification, String> {
        let secret = self.vault.open(&key.sealed, &bound_to_key(key.tenant_id, key.id)).await;
        let secret = secret.map_err(|error| {
            tracing::warn!(%error, key = %key.id, "a provider key cannot be opened to be verified");
            match error {
                VaultError::Database(_) => "the database does not answer".to_owned(),
                _ => "the provider key cannot be opened with this installation's master key".to_owned(),
            }
        })?;
        let asked = self.verifier.verify(key.vendor.as_str(), key.base_url.as_ref(), key.api_type, &secret);
        let said = asked.await;
        Ok(Verification {
            ok: said.ok,
            status: said.status,
            code: said.code.to_owned(),
            latency_ms: said.latency_ms,
            detail: said.detail,
        })
    }
}
