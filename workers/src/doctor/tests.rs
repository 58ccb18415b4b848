use super::*;
use crate::{
    runtime::{
        belongings::{ContainerFacts, MountFacts, NetworkFacts},
        short_id,
    },
    workspace::{Owner, look::Rights, tests::bot as usual_bot},
};
use clawplane_domain::bot::Limits;
use pretty_assertions::assert_eq;

const TOKEN: &str = "cp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A bot that is all right, changed by a test, and what the doctor finds that is not good.
struct Case {
    bot: DesiredBot,
    container: ContainerFacts,
    network: NetworkFacts,
    mode: u32,
    config: String,
    usage: Usage,
}

fn case() -> Case {
    let bot = usual_bot(&["openai/gpt-5"]);
    let name = format!("clawplane-{}", short_id(bot.id));
    let labels = [
        ("clawplane.bot", bot.id.to_string()),
        ("clawplane.tenant", bot.tenant_id.to_string()),
        ("clawplane.spec", "abc".to_owned()),
    ];
    let container = ContainerFacts {
        id: "c".to_owned(),
        name: format!("clawplane-anna-{}", short_id(bot.id)),
        labels: labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        bot: Some(bot.id),
        created: None,
        running: true,
        image: "bot:1".to_owned(),
        user: "1000:1000".to_owned(),
        cap_drop: vec!["ALL".to_owned()],
        security_opt: vec!["no-new-privileges".to_owned()],
        readonly_root: true,
        pids: 512,
        memory: 2048 << 20,
        memory_swap: 2048 << 20,
        nano_cpus: 1_000_000_000,
        mounts: vec![MountFacts {
            kind: "bind".to_owned(),
            source: "/data/bot".to_owned(),
            target: "/home/node/.openclaw".to_owned(),
        }],
        networks: vec![name.clone()],
        ..ContainerFacts::default()
    };
    let network = NetworkFacts {
        id: "n".to_owned(),
        name,
        bot: Some(bot.id),
        created: None,
        internal: true,
        ipv6: false,
        members: vec!["c".to_owned()],
    };
    let config =
        format!("{{ // mine\n \"models\": {{\"providers\": {{\"a\": {{\"apiKey\": \"{TOKEN}\"}}}}}} }}");
    let usage = Usage { bytes: 1 << 20, entries: 3, complete: true };
    Case { bot, container, network, mode: 0o600, config, usage }
}

impl Case {
    fn bad(&self) -> Vec<(&'static str, Grade)> {
        let engine = Belongings {
            containers: vec![self.container.clone()],
            networks: vec![self.network.clone()],
            volumes: vec![],
        };
        let owner = Owner { uid: 1000, gid: 1000 };
        let rights = |mode| Rights { owner, mode };
        let config = Some((rights(self.mode), self.config.clone().into_bytes()));
        let patient = Patient {
            bot: &self.bot,
            norm: &Norm { default_image: "bot:1".parse().unwrap() },
            engine: &engine,
            owner,
            state_dir: "/data/bot".into(),
            folder: Ok(Some(FolderSeen { rights: rights(0o700), config })),
            usage: Ok(self.usage),
        };
        let findings = patient.findings();
        assert_eq!(findings.len(), 12);
        findings
            .into_iter()
            .filter(|one| one.grade != Grade::Good)
            .map(|one| (one.check, one.grade))
            .collect()
    }
}

#[test]
fn a_bot_as_it_should_be_has_nothing() {
    assert_eq!(case().bad(), []);
}

#[test]
fn each_thing_that_is_off_is_found() {
    let find = |change: &dyn Fn(&mut Case)| {
        let mut case = case();
        change(&mut case);
        case.bad()
    };
    let bad = |check| vec![(check, Grade::Bad)];
    assert_eq!(find(&|c| c.container.running = false), bad("container"));
    assert_eq!(find(&|c| c.bot.desired = Desired::Stopped), bad("container"));
    assert_eq!(find(&|c| drop(c.container.labels.remove("clawplane.spec"))), bad("labels"));
    assert_eq!(
        find(&|c| drop(c.container.labels.insert("clawplane.tenant".into(), "x".into()))),
        bad("labels")
    );
    assert_eq!(find(&|c| c.container.memory_swap = -1), bad("limits"));
    assert_eq!(find(&|c| c.container.pids = 0), bad("limits"));
    assert_eq!(find(&|c| c.container.cap_add = vec!["NET_ADMIN".into()]), bad("capabilities"));
    assert_eq!(find(&|c| c.container.cap_drop = vec![]), bad("capabilities"));
    assert_eq!(find(&|c| c.container.privileged = true), bad("capabilities"));
    assert_eq!(find(&|c| c.container.security_opt.push("seccomp=unconfined".into())), bad("capabilities"));
    assert_eq!(find(&|c| c.container.security_opt = vec![]), bad("capabilities"));
    assert_eq!(find(&|c| c.container.user = "0:0".into()), bad("capabilities"));
    assert_eq!(find(&|c| c.container.shares = vec!["pid=host".into()]), bad("capabilities"));
    assert_eq!(find(&|c| c.container.devices = 1), bad("capabilities"));
    assert_eq!(find(&|c| c.container.readonly_root = false), bad("root"));
    assert_eq!(find(&|c| c.container.mounts[0].source = "/".into()), bad("mounts"));
    assert_eq!(find(&|c| c.container.mounts.push(c.container.mounts[0].clone())), []);
    assert_eq!(find(&|c| c.container.published = vec!["0.0.0.0:80".into()]), bad("ports"));
    assert_eq!(find(&|c| c.container.networks.push("bridge".into())), bad("network"));
    assert_eq!(find(&|c| c.network.internal = false), bad("network"));
    assert_eq!(find(&|c| c.network.members.push("other".into())), bad("network"));
    assert_eq!(find(&|c| c.network.ipv6 = true), bad("network"));
    assert_eq!(find(&|c| c.container.image = "evil:1".into()), bad("image"));
    assert_eq!(find(&|c| c.mode = 0o644), bad("folder"));
    assert_eq!(find(&|c| c.usage.bytes = 11 << 30), bad("disk"));
    assert_eq!(find(&|c| c.usage.complete = false), bad("disk"));
    assert_eq!(find(&|c| c.usage.bytes = 9 << 30), [("disk", Grade::Note)]);
    let writable = |c: &mut Case| {
        c.container.readonly_root = false;
        c.bot.limits = Limits { writable_root: true, ..c.bot.limits };
    };
    assert_eq!(find(&writable), [("root", Grade::Note)]);
}

#[test]
fn a_configuration_that_cannot_be_read_or_holds_a_key_is_found() {
    let key = format!("sk-{}", "a".repeat(40));
    for config in [
        "{".to_owned(),
        "[]".to_owned(),
        format!("{{\"a\": [{{\"b\": \"{key}\"}}]}}"),
        format!("{{}} // {key}"),
        "{\"models\": {\"providers\": {\"a\": {\"apiKey\": \"secret\"}}}}".to_owned(),
    ] {
        let case = Case { config: config.clone(), ..case() };
        assert_eq!(case.bad(), [("config", Grade::Bad)], "{config}");
        assert!(!config::faults(config.as_bytes()).join(" ").contains(&key), "it is not repeated");
    }
    for config in [
        "{a: 'single', /* c */ b: [1, 2,],}",
        "{\"models\": {\"providers\": {\"a\": {\"apiKey\": \"${KEY}\"}}}}",
    ] {
        assert_eq!(Case { config: config.to_owned(), ..case() }.bad(), [], "{config}");
    }
}
