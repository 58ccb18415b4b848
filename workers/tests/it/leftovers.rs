//! What belongs to no bot, against a real Docker engine: forged labels, containers removed by hand, the doctor.

use crate::docker::{Place, place_with};
use bollard::{
    models::{ContainerCreateBody, HostConfig, NetworkCreateRequest, VolumeCreateRequest},
    query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder},
};
use chrono::TimeDelta;
use clawplane_domain::{BotId, bot::BotState, upkeep::LeftoverKind};
use clawplane_workers::{
    Host, Runtime,
    doctor::{self, Grade, Norm},
    leftovers::{self, Found},
    runtime::short_id,
    workspace::Workspaces,
};
use pretty_assertions::assert_eq;
use std::{collections::HashMap, sync::Arc};

fn labels(instance: &str, bot: &str) -> HashMap<String, String> {
    let pairs = [("clawplane.instance", instance), ("clawplane.bot", bot), ("clawplane.spec", "forged")];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A container of somebody's that says it is ours. Returns its id.
async fn forged(place: &Place, name: &str, instance: &str, bot: &str, runs: bool) -> String {
    let name = format!("{name}-{}", std::process::id());
    let options = CreateContainerOptionsBuilder::default().name(&name).build();
    let body = ContainerCreateBody {
        image: Some(crate::desk::IMAGE.to_owned()),
        labels: Some(labels(instance, bot)),
        host_config: Some(HostConfig { network_mode: Some("none".to_owned()), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    let id = place.docker.create_container(Some(options), body).await.unwrap().id;
    if runs {
        place
            .docker
            .start_container(&id, None::<bollard::query_parameters::StartContainerOptions>)
            .await
            .unwrap();
    }
    id
}

fn host(place: &Place) -> Host {
    let workspaces = Workspaces::new(&place.desk.data.path().join("bots")).unwrap();
    Host { runtime: Arc::new(place.runtime.clone()), workspaces }
}

async fn find(place: &Place, later: TimeDelta) -> Vec<Found> {
    #[expect(clippy::disallowed_methods, reason = "the engine's own clock is compared with")]
    let now = chrono::Utc::now() + later;
    leftovers::find(&host(place), &place.desk.executor, now).await.unwrap()
}

#[tokio::test]
async fn what_belongs_to_no_bot_is_found_and_removed_and_nothing_else() {
    let (ours, theirs) = ("clawplane-workers-test-leftovers", "clawplane-workers-test-leftovers-theirs");
    let Some(place) = place_with("leftovers", |_| {}).await else { return };
    let bot = place.desk.started("anna").await;
    place.desk.until_state(bot, BotState::Running).await;
    let nobody = BotId(uuid::Uuid::from_u128(0x77)).to_string();
    let stranger = forged(&place, "stranger", ours, &nobody, true).await;
    let nameless = forged(&place, "nameless", ours, "no id", false).await;
    let double = forged(&place, "double", ours, &bot.to_string(), true).await;
    let foreign = forged(&place, "foreign", theirs, &nobody, false).await;
    let request = NetworkCreateRequest {
        name: format!("left-{}", std::process::id()),
        internal: Some(true),
        labels: Some(labels(ours, &nobody)),
        ipam: Some(bollard::models::Ipam {
            config: Some(vec![bollard::models::IpamConfig {
                subnet: Some("10.214.77.0/28".to_owned()),
                ..Default::default()
            }]),
            ..Default::default()
        }),
        ..NetworkCreateRequest::default()
    };
    let network = place.docker.create_network(request).await.unwrap().id;
    let volume = format!("left-{}", std::process::id());
    let request = VolumeCreateRequest {
        name: Some(volume.clone()),
        labels: Some(labels(ours, &nobody)),
        ..Default::default()
    };
    place.docker.create_volume(request).await.unwrap();
    let folder = place.desk.state_dir(nobody.parse().unwrap());
    std::fs::create_dir_all(folder.join("a")).unwrap();

    let young = find(&place, TimeDelta::zero()).await;
    assert!(young.iter().all(|one| one.keep.is_some()), "what is younger than a minute stays: {young:?}");
    let found = find(&place, TimeDelta::minutes(2)).await;
    let mut removable: Vec<_> =
        found.iter().filter(|one| one.keep.is_none()).map(|one| one.leftover.clone()).collect();
    removable.sort_by_key(|one| one.kind);
    let mut ids: Vec<_> = removable.iter().map(|one| one.id.clone()).collect();
    ids.sort();
    let mut expected = vec![stranger.clone(), nameless, network, volume, nobody.clone()];
    expected.sort();
    assert_eq!(ids, expected);
    let kept: Vec<_> =
        found.iter().filter(|one| one.keep.is_some()).map(|one| one.leftover.id.as_str()).collect();
    assert_eq!(kept, [double.as_str()], "what runs under a known bot's label is a person's to stop");
    for one in &removable {
        leftovers::remove(&host(&place), one).await.unwrap();
    }
    let after = find(&place, TimeDelta::minutes(2)).await;
    assert_eq!(after.iter().map(|one| one.leftover.id.as_str()).collect::<Vec<_>>(), [double.as_str()]);
    assert!(!folder.exists() && place.docker.inspect_container(&foreign, None).await.is_ok());
    // The worker was not misled either: the bot runs in its own container.
    assert_ne!(place.runtime.inspect(bot).await.unwrap().unwrap().id, double);
    assert_eq!(place.desk.load(bot).await.observed.state, BotState::Running);
    for left in [double, foreign] {
        let force = RemoveContainerOptionsBuilder::default().force(true).build();
        place.docker.remove_container(&left, Some(force)).await.unwrap();
    }
    assert_eq!(find(&place, TimeDelta::minutes(2)).await, []);
    assert!(removable.iter().any(|one| one.kind == LeftoverKind::Folder));
    place.end(&[bot]).await;
}

#[tokio::test]
async fn the_doctor_finds_a_bot_healthy_and_what_somebody_did_to_it() {
    let Some(place) = place_with("doctor", |_| {}).await else { return };
    let bot = place.desk.started("anna").await;
    place.desk.until_state(bot, BotState::Running).await;
    let norm = Norm { default_image: crate::desk::IMAGE.parse().unwrap() };
    let wrong = || async {
        let bots = [place.desk.load(bot).await];
        let found = doctor::examine(&host(&place), &bots, &norm).await.unwrap();
        assert_eq!(found.len(), 12);
        let wrong = found.into_iter().filter(|one| one.grade != Grade::Good);
        wrong.map(|one| (one.check, one.detail)).collect::<Vec<_>>()
    };
    assert_eq!(wrong().await, []);
    let config = place.desk.state_dir(bot).join("openclaw.json");
    let before = std::fs::read(&config).unwrap();
    std::fs::write(&config, "{ broken").unwrap();
    let id = place.runtime.inspect(bot).await.unwrap().unwrap().id;
    let connect = bollard::models::NetworkConnectRequest { container: id.clone(), ..Default::default() };
    place.docker.connect_network("bridge", connect).await.ok();
    let found = wrong().await;
    assert!(found.iter().any(|(check, _)| *check == "config"), "{found:?}");
    assert_eq!(std::fs::read(&config).unwrap(), b"{ broken", "it changes nothing");
    std::fs::write(&config, before).unwrap();
    assert!(place.docker.inspect_network(&format!("clawplane-{}", short_id(bot)), None).await.is_ok());
    place.end(&[bot]).await;
}
