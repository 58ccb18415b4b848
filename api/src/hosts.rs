//! What is done to hosts. They are of no tenant; their events stand in that of whoever gave the command.

use crate::{
    ApiState,
    freshness::settle,
    problem::{Kind, Problem},
};
use clawplane_domain::{
    HostId, SealedSecret, Secret,
    bot::Placement,
    claim::Scope,
    host::{
        AddHost, Candidate, Capacity, Host, HostCommand, LOCAL_NAME, Room, TlsIdentity, Wish, place as choose,
    },
    sealed::bound_to_host,
    values::Hostname,
};
use clawplane_eventstore::{Context, ExecuteError, Position};
use clawplane_projections::{HostRow, View};

/// A host to be added, with the key of its client certificate in plain text.
pub(crate) struct NewHost {
    /// What it is made of; without `tls`.
    pub(crate) host: AddHost,
    /// CA and certificate in PEM, and the key.
    pub(crate) identity: Option<(String, String, Secret)>,
}

/// Adds a host. A repeated command with the same idempotency key is answered with what the first one added.
pub(crate) async fn add(
    api: &ApiState,
    new: NewHost,
    context: Context,
) -> Result<(HostRow, Option<Position>), Problem> {
    let NewHost { mut host, identity } = new;
    let mut sealed: Option<SealedSecret> = None;
    if let Some((ca, certificate, key)) = identity {
        let key = api.vault.seal(&key, &bound_to_host(host.id)).await?;
        sealed = Some(key.clone());
        host.tls = Some(TlsIdentity { ca, certificate, key });
    }
    let committed = api.executor.execute::<Host>(host.id, HostCommand::Add(Box::new(host)), context).await;
    // After a failure of the store nobody can be sure whether it stands in an event.
    let used = match &committed {
        Ok(committed) => !committed.replayed,
        Err(error) => matches!(error, ExecuteError::Store(_)),
    };
    if let Some(sealed) = sealed.filter(|_| !used) {
        // A row too many in the vault harms nobody.
        let _ = api.vault.shred(sealed.data_key_id).await;
    }
    let committed = committed?;
    settle(api, View::Hosts, committed.position).await;
    let id: HostId = committed.aggregate_id.parse().map_err(Problem::internal)?;
    Ok((shown(api, id).await?, committed.position))
}

/// Gives a host a command, and shows the host after it.
pub(crate) async fn change(
    api: &ApiState,
    name: &Hostname,
    command: HostCommand,
    context: Context,
) -> Result<(HostRow, Option<Position>), Problem> {
    let id = holder(api, name).await?.ok_or_else(|| Problem::not_found("host"))?;
    let committed = api.executor.execute::<Host>(id, command, context).await?;
    settle(api, View::Hosts, committed.position).await;
    Ok((shown(api, id).await?, committed.position))
}

/// Removes a host that has nothing on it. A repeated command with the same idempotency key is answered as the first one
/// was: the idempotency key knows its stream.
pub(crate) async fn remove(
    api: &ApiState,
    name: &Hostname,
    context: Context,
) -> Result<Option<Position>, Problem> {
    let id = holder(api, name).await?;
    if let Some(id) = id
        && let Some(row) = api.views.hosts.get(id).await?
        && row.present > 0
    {
        let detail =
            format!("{} bots are on the host, or have something there; move or delete them", row.present);
        return Err(Problem::new(Kind::Conflict, detail));
    }
    let id = id.unwrap_or(HostId(uuid::Uuid::max()));
    let host = api.executor.load::<Host>(&id.to_string()).await?.profile;
    let committed = api.executor.execute::<Host>(id, HostCommand::Remove, context).await?;
    if let Some(tls) = host.and_then(|host| host.host.tls)
        && let Err(error) = api.vault.shred(tls.key.data_key_id).await
    {
        tracing::warn!(%name, %error, "the key of a removed host's certificate is not destroyed");
    }
    settle(api, View::Hosts, committed.position).await;
    Ok(committed.position)
}

/// The host of this name as the read model has it.
pub(crate) async fn find(api: &ApiState, name: &Hostname) -> Result<HostRow, Problem> {
    let row = api.views.hosts.find(name).await?;
    row.ok_or_else(|| Problem::not_found("host"))
}

/// The host that a bot is to be placed on. A bot that is somewhere already goes elsewhere.
pub(crate) async fn place(
    api: &ApiState,
    wish: Wish<'_>,
    present: Option<&Placement>,
) -> Result<HostId, Problem> {
    let mut candidates: Vec<_> = api.views.hosts.all().await?.iter().map(HostRow::candidate).collect();
    // It is there by itself, also before its worker has said so.
    if !candidates.iter().any(|host| host.id.is_local()) {
        candidates.extend(local());
    }
    let going = present.and_then(|place| place.moving).map(|moving| moving.to);
    if let (Some(going), None) = (going, wish.host) {
        return Ok(going); // It reserves its place there already.
    }
    if let Some(going) = going.and_then(|id| candidates.iter().find(|host| host.id == id))
        && wish.host == Some(&going.name)
    {
        return Ok(going.id);
    }
    if wish.host.is_none()
        && let Some(place) = present
    {
        candidates.retain(|host| host.id != place.host && !place.left.contains(&host.id));
    }
    Ok(choose(&candidates, wish)?)
}

fn local() -> Option<Candidate> {
    Some(Candidate {
        id: HostId::LOCAL,
        name: LOCAL_NAME.parse().ok()?,
        labels: Vec::new(),
        given: Capacity::default(),
        capacity: Capacity::default(),
        reserved: Room::default(),
        draining: false,
        lost: false,
    })
}

/// The host of this name, straight from the events.
async fn holder(api: &ApiState, name: &Hostname) -> Result<Option<HostId>, Problem> {
    let id = api.claims.holder(Scope::HostName, name.as_str()).await?;
    id.map(|id| id.parse().map_err(Problem::internal)).transpose()
}

/// As the read model has it, or as its events alone show it.
async fn shown(api: &ApiState, id: HostId) -> Result<HostRow, Problem> {
    if let Some(row) = api.views.hosts.get(id).await? {
        return Ok(row);
    }
    let profile = api.executor.load::<Host>(&id.to_string()).await?.profile;
    let profile = profile.ok_or_else(|| Problem::not_found("host"))?;
    Ok(HostRow { profile, reserved: Room::default(), present: 0, added_at: api.clock.now() })
}
