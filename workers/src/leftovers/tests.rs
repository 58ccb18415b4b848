use super::*;
use crate::{
    runtime::{belongings::VolumeFacts, fake::FakeRuntime},
    workspace::Workspaces,
};
use pretty_assertions::assert_eq;
use std::sync::Arc;

fn bot(n: u128) -> BotId {
    BotId(uuid::Uuid::from_u128(n))
}

fn container(id: &str, of: Option<BotId>, running: bool, name: String) -> ContainerFacts {
    ContainerFacts { id: id.to_owned(), bot: of, running, name, ..ContainerFacts::default() }
}

fn own_name(of: BotId) -> String {
    format!("clawplane-ada-{}", short_id(of))
}

fn found(belongings: &Belongings, known: &[BotId]) -> Vec<(String, Option<&'static str>)> {
    let known = known.iter().copied().collect();
    let found = in_engine(belongings, &known);
    let mut found: Vec<_> = found.into_iter().map(|one| (one.leftover.id, one.keep)).collect();
    found.sort();
    found
}

#[test]
fn what_belongs_to_a_bot_is_none() {
    let network = NetworkFacts {
        id: "n".to_owned(),
        name: format!("clawplane-{}", short_id(bot(1))),
        bot: Some(bot(1)),
        ..NetworkFacts::default()
    };
    let belongings = Belongings {
        containers: vec![container("c", Some(bot(1)), true, "renamed by somebody".to_owned())],
        networks: vec![network],
        volumes: vec![],
    };
    assert_eq!(found(&belongings, &[bot(1)]), []);
    assert_eq!(found(&belongings, &[]), [("c".to_owned(), None), ("n".to_owned(), None)]);
}

#[test]
fn a_forged_label_takes_nothing_from_a_bot() {
    let own = || container("own", Some(bot(1)), true, own_name(bot(1)));
    let all = |containers| Belongings { containers, ..Belongings::default() };
    let runs = container("forged", Some(bot(1)), true, "anything".to_owned());
    let kept = found(&all(vec![own(), runs]), &[bot(1)]);
    assert_eq!(kept.len(), 1);
    assert!(kept[0].0 == "forged" && kept[0].1.is_some(), "what runs under a bot's label stays: {kept:?}");
    let ended = || container("forged", Some(bot(1)), false, "anything".to_owned());
    assert_eq!(found(&all(vec![own(), ended()]), &[bot(1)]), [("forged".to_owned(), None)]);
    let renamed = container("own", Some(bot(1)), false, "renamed".to_owned());
    let both = found(&all(vec![renamed, ended()]), &[bot(1)]);
    assert_eq!(
        (both.len(), both.iter().all(|(_, keep)| keep.is_some())),
        (2, true),
        "nobody can tell: {both:?}"
    );
    assert_eq!(found(&all(vec![container("x", None, true, String::new())]), &[]), [("x".to_owned(), None)]);
}

#[test]
fn networks_and_volumes_beside_a_bots_own_are_left_over() {
    let network = NetworkFacts {
        id: "n".to_owned(),
        name: "other".to_owned(),
        bot: Some(bot(1)),
        ..NetworkFacts::default()
    };
    let volume = VolumeFacts { name: "v".to_owned(), bot: Some(bot(1)), created: None };
    let belongings = Belongings { containers: vec![], networks: vec![network], volumes: vec![volume] };
    assert_eq!(found(&belongings, &[bot(1)]), [("n".to_owned(), None), ("v".to_owned(), None)]);
}

struct Nobody;

#[async_trait::async_trait]
impl Census for Nobody {
    async fn is_known(&self, of: BotId) -> Result<bool, BoxError> {
        Ok(of == bot(1))
    }
}

#[tokio::test]
async fn folders_without_a_bot_are_found_once_they_are_old_enough() {
    let root = tempfile::tempdir().unwrap();
    let workspaces = Workspaces::new(root.path()).unwrap();
    for of in [bot(1), bot(2)] {
        std::fs::create_dir(workspaces.state_dir(of)).unwrap();
    }
    let host = Host { runtime: Arc::new(FakeRuntime::default()), workspaces: workspaces.clone() };
    let changed = workspaces.folders().await.unwrap()[0].changed.unwrap();
    let young = find(&host, &Nobody, changed).await.unwrap();
    assert_eq!(
        young.iter().map(|one| (one.leftover.bot, one.keep.is_some())).collect::<Vec<_>>(),
        [(Some(bot(2)), true)]
    );
    let old = find(&host, &Nobody, changed + YOUNG + YOUNG).await.unwrap();
    assert_eq!(old[0].keep, None);
    remove(&host, &old[0].leftover).await.unwrap();
    assert!(!workspaces.state_dir(bot(2)).exists() && workspaces.state_dir(bot(1)).exists());
}
