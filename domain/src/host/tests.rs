use super::{commands::MAX_LABELS, placement::Why, *};
use crate::{
    HostId, SealedSecret,
    bot::Limits,
    claim::{Claim, Claims, Scope},
    testing::{at, given, id, value},
    values::{Hostname, Tag},
};
use pretty_assertions::assert_eq;

fn tls() -> TlsIdentity {
    let key = SealedSecret { data_key_id: id(4), nonce: "00".repeat(12), ciphertext: "ff".into() };
    TlsIdentity { ca: "ca".into(), certificate: "me".into(), key }
}

fn rack() -> AddHost {
    AddHost {
        id: id(0x61),
        name: value("rack-1"),
        engine: value("tcp://rack-1:2376"),
        tls: Some(tls()),
        data_dir: value("/srv/bots"),
        labels: vec![value("eu")],
        capacity: Capacity::default(),
    }
}

fn local() -> AddHost {
    AddHost { id: HostId::LOCAL, name: value(LOCAL_NAME), tls: None, ..rack() }
}

fn added() -> HostEvent {
    HostEvent::Added { host: rack() }
}

fn measured(memory_mib: u32) -> Measured {
    Measured { engine: "Docker 28".into(), memory_mib, cpu_millis: 4000 }
}

fn lost() -> HostEvent {
    HostEvent::Lost { lost: Unreachable { since: at(9), reason: "gone".into() } }
}

fn add(host: AddHost) -> HostCommand {
    HostCommand::Add(Box::new(host))
}

#[test]
fn a_host_is_added_once_with_its_name() {
    given::<Host>([]).when(add(rack())).then([added()]);
    given::<Host>([added()]).when(add(rack())).refused(&HostRefusal::Exists);
    let name = Claim::new(Scope::HostName, &rack().name);
    let removed = HostEvent::Removed { name: rack().name, data_key_id: None };
    assert_eq!((added().takes(), removed.releases()), (vec![name.clone()], vec![name]));
    given::<Host>([added(), removed]).when(HostCommand::Drain).refused(&HostRefusal::Unknown);
    given::<Host>([]).when(HostCommand::Drain).refused(&HostRefusal::Unknown);
}

#[test]
fn tcp_takes_certificates_and_nothing_else_does() {
    given::<Host>([]).when(add(AddHost { tls: None, ..rack() })).refused(&HostRefusal::NeedsTls);
    let socket = AddHost { engine: value("unix:///run/docker.sock"), ..rack() };
    given::<Host>([]).when(add(socket)).refused(&HostRefusal::NoTls);
    // Its own engine is what its operator says.
    given::<Host>([]).when(add(local())).then([HostEvent::Added { host: local() }]);
}

#[test]
fn labels_are_bounded() {
    let many: Vec<Tag> = vec![value("x"); MAX_LABELS + 1];
    let host = AddHost { labels: many.clone(), ..rack() };
    given::<Host>([]).when(add(host)).refused(&HostRefusal::TooManyLabels);
    let change = HostChange { labels: Some(many), ..HostChange::default() };
    given::<Host>([added()]).when(HostCommand::Change(change)).refused(&HostRefusal::TooManyLabels);
}

#[test]
fn a_change_records_what_is_different() {
    let change = HostChange {
        engine: Some(value("tcp://rack-1:2377")),
        data_dir: Some(value("/srv/bots")),
        labels: Some(vec![value("eu")]),
        capacity: None,
    };
    let news = HostChange { engine: change.engine.clone(), ..HostChange::default() };
    let host = given::<Host>([added()])
        .when(HostCommand::Change(change.clone()))
        .then([HostEvent::Changed { change: news.clone() }]);
    assert_eq!(host.profile.unwrap().host, AddHost { engine: value("tcp://rack-1:2377"), ..rack() });
    given::<Host>([added(), HostEvent::Changed { change: news }])
        .when(HostCommand::Change(change))
        .then_nothing();
}

#[test]
fn a_host_is_drained_and_resumed() {
    given::<Host>([added()]).when(HostCommand::Drain).then([HostEvent::Drained {}]);
    given::<Host>([added(), HostEvent::Drained {}]).when(HostCommand::Drain).then_nothing();
    given::<Host>([added(), HostEvent::Drained {}]).when(HostCommand::Resume).then([HostEvent::Resumed {}]);
    given::<Host>([added()]).when(HostCommand::Resume).then_nothing();
}

#[test]
fn only_a_drained_host_is_removed_and_never_the_local_one() {
    given::<Host>([added()]).when(HostCommand::Remove).refused(&HostRefusal::NotDrained);
    let removed = HostEvent::Removed { name: rack().name, data_key_id: Some(id(4)) };
    given::<Host>([added(), HostEvent::Drained {}]).when(HostCommand::Remove).then([removed]);
    given::<Host>([HostEvent::Added { host: local() }, HostEvent::Drained {}])
        .when(HostCommand::Remove)
        .refused(&HostRefusal::Local);
}

#[test]
fn a_host_is_lost_once_and_found_once() {
    let lose = |second, reason: &str| HostCommand::Lost { at: at(second), reason: reason.to_owned() };
    given::<Host>([added()]).when(lose(9, "go\u{0}ne")).then([lost()]);
    given::<Host>([added(), lost()]).when(lose(10, "still")).then_nothing();
    let seen = HostEvent::Measured { measured: measured(1000) };
    let host = given::<Host>([added(), lost()])
        .when(HostCommand::Seen(measured(1000)))
        .then([HostEvent::Found {}, seen.clone()]);
    assert_eq!(host.profile.unwrap().lost, None);
    given::<Host>([added(), seen.clone()]).when(HostCommand::Seen(measured(1000))).then_nothing();
    given::<Host>([added(), seen, lost()])
        .when(HostCommand::Seen(measured(1000)))
        .then([HostEvent::Found {}]);
}

#[test]
fn what_is_given_counts_before_what_is_measured() {
    let given_memory = Capacity { memory_mib: Some(500), cpu_millis: None };
    let host = AddHost { capacity: given_memory, ..rack() };
    let host =
        HostProfile { host, draining: false, measured: Some(measured(1000)), lost: None, removed: false };
    assert_eq!(host.capacity(), Capacity { memory_mib: Some(500), cpu_millis: Some(4000) });
}

#[test]
fn addresses_are_of_three_kinds() {
    let good = [
        "unix:///var/run/docker.sock",
        "tcp://10.0.0.7:2376",
        "tcp://[::1]:2376",
        "tcp://rack-1.example.org:2376",
        "ssh://clawplane@rack-1",
        "ssh://clawplane@rack-1:2222",
    ];
    for text in good {
        assert_eq!(text.parse::<EngineAddress>().unwrap().as_str(), text);
    }
    let bad = [
        "",
        "docker.sock",
        "unix://docker.sock",
        "unix:///",
        "unix:///a/../b",
        "unix:///a\n",
        "tcp://rack-1",
        "tcp://:2376",
        "tcp://rack-1:0",
        "tcp://rack-1:99999",
        "tcp://a b:1",
        "tcp://u@h:1",
        "ssh://rack-1",
        "ssh://-oProxyCommand=x@h",
        "ssh://u@-oProxyCommand=x",
        "ssh://u:p@h",
        "ssh://u@h/path",
        "http://rack-1:2375",
        "npipe://x",
    ];
    for text in bad {
        assert!(text.parse::<EngineAddress>().is_err(), "{text:?}");
    }
    for text in ["/srv/bots", "/a"] {
        assert_eq!(text.parse::<DataDir>().unwrap().as_str(), text);
    }
    for text in ["", "srv", "/", "/srv/../etc", "/srv/.", "/a:b", "/a\u{0}"] {
        assert!(text.parse::<DataDir>().is_err(), "{text:?}");
    }
}

fn candidate(name: &str, memory_mib: u32) -> Candidate {
    let capacity = Capacity { memory_mib: Some(memory_mib), cpu_millis: None };
    Candidate {
        id: id(u128::from(name.as_bytes()[0])),
        name: value(name),
        labels: Vec::new(),
        given: Capacity::default(),
        capacity,
        reserved: Room::default(),
        draining: false,
        lost: false,
    }
}

fn chosen(candidates: &[Candidate], labels: &[Tag], host: Option<&Hostname>) -> Result<HostId, NoRoom> {
    place(candidates, Wish { limits: Limits::default(), labels, host })
}

#[test]
fn the_emptiest_host_is_chosen() {
    let (mut a, mut b) = (candidate("a", 16_384), candidate("b", 32_768));
    assert_eq!(chosen(&[a.clone(), b.clone()], &[], None), Ok(b.id));
    b.reserved = Room { bots: 8, memory_mib: 16_384, cpu_millis: 8000 };
    assert_eq!(chosen(&[a.clone(), b.clone()], &[], None), Ok(a.id));
    // Nobody said what bots may use, so even a full one is better than none.
    a.lost = true;
    b.reserved.memory_mib = 1 << 40;
    assert_eq!(chosen(&[a.clone(), b.clone()], &[], None), Ok(b.id));
    // Equal: fewer bots, then by name.
    let (mut a, b) = (candidate("a", 16_384), candidate("b", 16_384));
    assert_eq!(chosen(&[b.clone(), a.clone()], &[], None), Ok(a.id));
    a.reserved.bots = 1;
    assert_eq!(chosen(&[b.clone(), a], &[], None), Ok(b.id));
}

#[test]
fn the_scarcer_thing_counts() {
    let (mut a, b) = (candidate("a", 1 << 30), candidate("b", 8192));
    a.capacity.cpu_millis = Some(2000);
    a.reserved.cpu_millis = 900;
    assert_eq!(chosen(&[a, b.clone()], &[], None), Ok(b.id));
}

#[test]
fn what_was_given_is_kept_to() {
    let mut a = candidate("a", 1 << 30);
    a.given = Capacity { memory_mib: Some(4096), cpu_millis: Some(1500) };
    assert_eq!(chosen(&[a.clone()], &[], None), Ok(a.id));
    a.reserved.memory_mib = 2048;
    assert_eq!(chosen(&[a.clone()], &[], None), Ok(a.id), "it fits to the last MiB");
    a.reserved.memory_mib = 2049;
    let full = NoRoom::Nowhere("1 has not enough memory left".to_owned());
    assert_eq!(chosen(&[a.clone()], &[], None), Err(full));
    a.reserved = Room { cpu_millis: 501, ..Room::default() };
    let name = a.name.clone();
    let full = NoRoom::Refused { host: name.clone(), why: Why::Cpu };
    assert_eq!(chosen(&[a], &[], Some(&name)), Err(full));
}

#[test]
fn a_host_has_all_labels_and_takes_bots() {
    let (mut a, mut b) = (candidate("a", 16_384), candidate("b", 16_384));
    a.labels = vec![value("eu"), value("gpu")];
    b.labels = vec![value("eu")];
    let wish: Vec<Tag> = vec![value("gpu"), value("eu")];
    assert_eq!(chosen(&[a.clone(), b.clone()], &wish, None), Ok(a.id));
    a.draining = true;
    let none = NoRoom::Nowhere("1 does not have the labels that are asked for, 1 is drained".to_owned());
    assert_eq!(chosen(&[a.clone(), b.clone()], &wish, None), Err(none));
    b.lost = true;
    let refused = NoRoom::Refused { host: b.name.clone(), why: Why::Lost };
    assert_eq!(chosen(&[a, b.clone()], &[], Some(&b.name)), Err(refused));
    let unknown: Hostname = value("c");
    assert_eq!(chosen(&[b], &[], Some(&unknown)), Err(NoRoom::Unknown(unknown)));
}
