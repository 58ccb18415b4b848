//! What is done to provider keys: added with a sealed secret, changed, rotated and deleted together with the key that
//! opens it, taken out of use and put back.

use crate::{ApiState, Verification, auth::Principal, freshness::settle, problem::Problem};
use clawplane_domain::{
    KeyId, SealedSecret, Secret, TenantId,
    provider_key::{AddKey, KeyCommand, KeyEvent, KeyRefusal, ProviderKey},
    sealed::bound_to_key,
};
use clawplane_eventstore::{
    Committed, Context, ExecuteError, Feed, Filter, Position, StoreError, Vault, VaultError,
};
use clawplane_projections::{KeyRow, View};
use std::time::Duration;
use uuid::Uuid;

/// After this it may be there.
const SOON: Duration = Duration::from_secs(2);

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
        _ => None,
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
    let id = ours(api, principal.tenant, id).await?.map_or(KeyId(Uuid::nil()), |_| id);
    give(api, id, KeyCommand::Delete, context).await
}

/// Gives a key of the tenant's a command, and shows the key after it.
pub(crate) async fn change(
    api: &ApiState,
    principal: Principal,
    id: KeyId,
    command: KeyCommand,
    context: Context,
) -> Result<(KeyRow, Option<Position>), Problem> {
    find(api, principal.tenant, id).await?;
    let position = give(api, id, command, context).await?;
    Ok((row(api, principal.tenant, id).await?, position))
}

/// Puts another secret in the place of the present one, which is shredded in all of history.
pub(crate) async fn rotate(
    api: &ApiState,
    principal: Principal,
    id: KeyId,
    secret: &Secret,
    context: Context,
) -> Result<(KeyRow, Option<Position>), Problem> {
    find(api, principal.tenant, id).await?;
    let sealed = api.vault.seal(secret, &bound_to_key(principal.tenant, id)).await?;
    let rotate = KeyCommand::Rotate(sealed.clone());
    let committed = api.executor.execute::<ProviderKey>(id, rotate, context).await;
    discard_unused(api, &committed, &sealed).await;
    let position = finish(api, &committed?).await;
    Ok((row(api, principal.tenant, id).await?, position))
}

/// Asks the vendor about a key. If the vendor takes it, what the proxy held against it is over.
pub(crate) async fn verify(
    api: &ApiState,
    principal: Principal,
    id: KeyId,
    context: Context,
) -> Result<(Verification, Option<Position>), Problem> {
    let key = find(api, principal.tenant, id).await?;
    let said = api.verifier.verify(&key).await.map_err(|why| Problem::unavailable(why, SOON))?;
    if !said.ok {
        return Ok((said, None));
    }
    let verified = KeyCommand::Verified { secret: key.sealed.data_key_id };
    // The vendor is asked each time: an answer of earlier would be none.
    let context = Context { idempotency: None, ..context };
    let position = give(api, id, verified, context).await?;
    Ok((said, position))
}

async fn give(
    api: &ApiState,
    id: KeyId,
    command: KeyCommand,
    context: Context,
) -> Result<Option<Position>, Problem> {
    let committed = api.executor.execute::<ProviderKey>(id, command, context).await?;
    Ok(finish(api, &committed).await)
}

/// Destroys what the events say, and waits for the read model.
async fn finish(api: &ApiState, committed: &Committed<KeyEvent>) -> Option<Position> {
    for id in committed.events.iter().filter_map(KeyEvent::shreds) {
        shred(&api.vault, id).await;
    }
    settle(api, View::ProviderKeys, committed.position).await;
    committed.position
}

/// The tenant's key of this id, straight from the events: commands must not depend on how far a read model is.
async fn ours(api: &ApiState, tenant: TenantId, id: KeyId) -> Result<Option<ProviderKey>, Problem> {
    let state = api.executor.load::<ProviderKey>(&id.to_string()).await?;
    Ok(Some(state).filter(|state| state.key.as_ref().is_some_and(|key| key.tenant_id == tenant)))
}

async fn find(api: &ApiState, tenant: TenantId, id: KeyId) -> Result<AddKey, Problem> {
    let state = ours(api, tenant, id).await?.filter(|state| !state.deleted);
    state.and_then(|state| state.key).ok_or_else(|| Problem::not_found("provider key"))
}

async fn row(api: &ApiState, tenant: TenantId, id: KeyId) -> Result<KeyRow, Problem> {
    let row = api.views.keys.find(tenant, id).await?;
    row.ok_or_else(|| Problem::unavailable("the read model does not have the key yet", SOON))
}

/// A failure is not the client's: the command is done, and `sweep_deleted` destroys the rest at the next start.
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

/// Destroys the data keys of all deleted provider keys and of all rotated secrets, and says how many were looked at.
///
/// A process may die between the event that deletes or rotates a key and the destruction of its data key; so this runs at each
/// start. It reads the events of provider keys only, and doing it twice changes nothing.
pub async fn sweep_deleted(feed: &Feed, vault: &Vault) -> Result<u64, SweepError> {
    let (mut after, mut swept) = (Position::START, 0);
    loop {
        let batch = feed.read(after, Filter::Types(&["provider_key"]), 1000).await?;
        for event in &batch.events {
            if let Some(data_key_id) = event.decode::<KeyEvent>()?.shreds() {
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
