//! Several real engines on one machine.

use crate::{
    desk::{free_port, nowhere},
    hosts::Rack,
    second_engine::{Certificates, SecondEngine},
};
use clawplane_domain::{
    Secret,
    bot::{BotCommand, BotState},
};
use clawplane_workers::{
    DockerRuntime, Runtime, RuntimeError,
    runtime::docker::{ClientIdentity, DockerConfig, check_identity},
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

const INSTANCE: &str = "clawplane-workers-test-engines";

fn config(host: String) -> DockerConfig {
    DockerConfig { host, instance: INSTANCE.to_owned() }
}

#[tokio::test]
async fn bots_live_and_move_on_two_engines_of_which_one_dies() {
    let Some(first) = SecondEngine::start(241, None).await else { return };
    let Some(mut second) = SecondEngine::start(242, None).await else { return };
    let rack = Rack::new().await;
    let runtimes = [&first, &second].map(|engine| Arc::new(DockerRuntime::new(config(engine.host()))));
    let one = rack.host(1, runtimes[0].clone()).await;
    let two = rack.host(2, runtimes[1].clone()).await;
    let mut config = rack.config("a");
    config.lost_after = Duration::from_secs(12);
    config.look_every = Duration::from_secs(4);
    config.worker.proxy_addr = nowhere();
    let process = rack.work(config);
    let (ada, bob) = (rack.started("ada", one).await, rack.started("bob", two).await);
    for bot in [ada, bob] {
        rack.desk.until_state(bot, BotState::Running).await;
    }
    assert!(
        runtimes[0].inspect(ada).await.unwrap().is_some()
            && runtimes[0].inspect(bob).await.unwrap().is_none()
    );
    assert!(
        runtimes[1].inspect(bob).await.unwrap().is_some()
            && runtimes[1].inspect(ada).await.unwrap().is_none()
    );
    assert!(rack.profile(one).await.unwrap().measured.unwrap().memory_mib > 0);

    let file = |n| rack.folder(n).join(ada.to_string()).join("workspace/memory.md");
    std::fs::write(file(1), "what it knows").unwrap();
    rack.desk.tell(ada, BotCommand::Move { to: two, abandon: false }).await;
    rack.desk
        .wait("nothing is left", || async {
            rack.desk.load(ada).await.placement.left.is_empty()
                && rack.desk.load(ada).await.placement.host == two
        })
        .await;
    rack.desk.until_state(ada, BotState::Running).await;
    assert!(
        runtimes[0].inspect(ada).await.unwrap().is_none()
            && runtimes[1].inspect(ada).await.unwrap().is_some()
    );
    assert_eq!(std::fs::read_to_string(file(2)).unwrap(), "what it knows");
    assert!(!file(1).exists());

    let died = Instant::now();
    second.kill().await;
    rack.until_lost(two, true).await;
    assert!(died.elapsed() < Duration::from_secs(30), "{:?}", died.elapsed());
    second.run().await;
    rack.until_lost(two, false).await;
    for bot in [ada, bob] {
        rack.desk
            .wait("it runs again", || async {
                runtimes[1].inspect(bot).await.is_ok_and(|seen| seen.is_some_and(|seen| seen.ip.is_some()))
            })
            .await;
        rack.desk.until_state(bot, BotState::Running).await;
        rack.desk.tell(bot, BotCommand::Delete).await;
        rack.desk.until_removed(bot).await;
    }
    process.stop().await;
}

#[tokio::test]
async fn an_engine_is_reached_by_mutual_tls_and_not_without() {
    let (certificates, strangers, port) = (Certificates::new(), Certificates::new(), free_port());
    let Some(_engine) = SecondEngine::start(243, Some((port, certificates.clone()))).await else { return };
    let host = format!("tcp://127.0.0.1:{port}");
    let identity = |ca: &Certificates, client: &Certificates| ClientIdentity {
        ca: ca.ca.clone(),
        certificate: client.client.0.clone(),
        key: Secret::new(client.client.1.clone()),
    };
    let good = identity(&certificates, &certificates);
    assert_eq!(check_identity(&good), Ok(()));
    let runtime = Arc::new(DockerRuntime::with_identity(config(host.clone()), Some(good.clone())));
    assert!(runtime.info().await.unwrap().version.starts_with("Docker "));
    let rack = Rack::new().await;
    let there = rack.host(1, runtime.clone()).await;
    let process = rack.work(rack.config("a"));
    let ada = rack.started("ada", there).await;
    rack.desk.until_state(ada, BotState::Running).await;
    assert!(runtime.inspect(ada).await.unwrap().is_some());
    rack.desk.tell(ada, BotCommand::Delete).await;
    rack.desk.until_removed(ada).await;
    process.stop().await;

    let refused = [
        ("another engine's certificate", Some(identity(&strangers, &certificates))),
        ("another client's certificate", Some(identity(&certificates, &strangers))),
        ("no certificate", None),
    ];
    for (what, identity) in refused {
        let runtime = DockerRuntime::with_identity(config(host.clone()), identity);
        let answer = runtime.info().await;
        let away = matches!(answer, Err(RuntimeError::Unavailable { .. } | RuntimeError::Other { .. }));
        assert!(away, "{what}: {answer:?}");
        assert!(!format!("{answer:?}").contains("PRIVATE"), "{what}");
    }
    let mixed = ClientIdentity { key: Secret::new(strangers.client.1), ..good.clone() };
    assert!(check_identity(&mixed).is_err(), "certificate and key do not go together");
    for bad in [
        ClientIdentity { ca: "x".into(), ..good.clone() },
        ClientIdentity { key: Secret::new("x".into()), ..good },
    ] {
        assert!(check_identity(&bad).is_err());
    }
}
