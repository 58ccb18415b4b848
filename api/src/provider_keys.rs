//! What is done to provider keys: added with a sealed secret, deleted together with the key that opens it.

use crate::{ApiState, auth::Principal, freshness::settle, problem::Problem};
use clawplane_domain::{
    KeyId, SealedSecret, Secret, TenantId,
    provider_key::{AddKey, KeyCommand, KeyEvent, KeyRefusal, ProviderKey},
    sealed::bound_to_key,
};
use clawplane_eventstore::{
    Committed, Context, ExecuteError, Feed, Filter, Position, StoreError, Vault, VaultError,
};
use clawplane_projections::{KeyRow, View};
use uuid::Uuid;

/// A key that was added now, or by an earlier request with the same idempotency key.
pub(crate) struct Added {
    /// What it is made of.
    pub(crate) key: AddKey,
    /// As the read model has it, if it has it already.
    pub(crate) row: Option<KeyRow>,
    /// Where its event stands.
    pub(crate) position: Option<Position>,
}

/// Adds a key. `make` is given the sealed secret.
pub(crate) async fn add(
    api: &ApiState,
    (tenant, id): (TenantId, KeyId),
    secret: &Secret,
    make: impl FnOnce(SealedSecret) -> AddKey,
    context: Context,
) -> Result<Added, Problem> {
    let sealed = api.vault.seal(secret, &bound_to_key(tenant, id)).await?;
    let add = KeyCommand::Add(Box::new(make(sealed.clone())));
    let committed = api.executor.execute::<ProviderKey>(id, add, context).await;
    discard_unused(api, &committed, &sealed).await;
    let committed = committed?;
    settle(api, View::ProviderKeys, committed.position).await;
    let added = committed.events.into_iter().find_map(|event| match event {
        KeyEvent::Added { key } => Some(key),
        KeyEvent::Deleted { .. } => None,
    });
    let key = added.ok_or_else(|| Problem::internal("a provider key without its event"))?;
    let row = api.views.keys.find(tenant, key.id).await?;
    Ok(Added { key, row, position: committed.position })
}

/// Destroys the data key of a secret that surely stands in no event. After a failure of the store nobody can be sure.
async fn discard_unused(
    api: &ApiState,
    committed: &Result<Committed<KeyEvent>, ExecuteError<KeyRefusal>>,
    sealed: &SealedSecret,
) {
    let used = match committed {
        Ok(committed) => !committed.replayed,
        Err(error) => matches!(error, ExecuteError::Store(_)),
    };
    if !used {
        shred(&api.vault, sealed.data_key_id).await;
    }
}

/// Deletes a key; its secret is shredded in all of history. A repeated command with the same idempotency key is
/// answered as the first one was: the idempotency key knows its stream.
pub(crate) async fn delete(
    api: &ApiState,
    principal: Principal,
    id: KeyId,
    context: Context,
) -> Result<Option<Position>, Problem> {
    let key = api.executor.load::<ProviderKey>(&id.to_string()).await?.key;
    let ours = key.is_some_and(|key| key.tenant_id == principal.tenant);
    let id = if ours { id } else { KeyId(Uuid::nil()) };
    let committed = api.executor.execute::<ProviderKey>(id, KeyCommand::Delete, context).await?;
    for event in &committed.events {
        if let KeyEvent::Deleted { data_key_id } = event {
            shred(&api.vault, *data_key_id).await;
        }
    }
    settle(api, View::ProviderKeys, committed.position).await;
    Ok(committed.position)
}

/// A failure is not the client's: the key is deleted, and `sweep_deleted` destroys the rest at the next start.
async fn shred(vault: &Vault, id: clawplane_domain::DataKeyId) {
    if let Err(error) = vault.shred(id).await {
        tracing::error!(%error, data_key = %id, "a data key could not be destroyed; the next start tries again");
    }
}

/// Why a sweep ended early.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The events could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A data key could not be destroyed.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Destroys the data keys of all deleted provider keys, and says how many were looked at.
///
/// A process may die between the event that deletes a key and the destruction of its data key; so this runs at each
/// start. It reads the events of provider keys only, and doing it twice changes nothing.
pub async fn sweep_deleted(feed: &Feed, vault: &Vault) -> Result<u64, SweepError> {
    let (mut after, mut swept) = (Position::START, 0);
    loop {
        let batch = feed.read(after, Filter::Types(&["provider_key"]), 1000).await?;
        for event in &batch.events {
            if let KeyEvent::Deleted { data_key_id } = event.decode()? {
                vault.shred(data_key_id).await?;
                swept += 1;
            }
        }
        match batch.last() {
            Some(last) if !batch.exhausted => after = last,
            _ => return Ok(swept),
        }
    }
}
