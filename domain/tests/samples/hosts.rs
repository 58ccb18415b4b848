//! The events of hosts.

use super::{Samples, at, id, sealed, text};
use clawplane_domain::host::{AddHost, Capacity, HostChange, HostEvent, Measured, TlsIdentity, Unreachable};

pub(super) fn add(samples: &mut Samples) {
    let tls = TlsIdentity { ca: "ca".into(), certificate: "certificate".into(), key: sealed() };
    let capacity = Capacity { memory_mib: Some(64_000), cpu_millis: Some(16_000) };
    let host = AddHost {
        id: id(0x61),
        name: text("rack-1"),
        engine: text("tcp://rack-1.example.org:2376"),
        tls: Some(tls),
        data_dir: text("/srv/clawplane/bots"),
        labels: vec![text("eu"), text("gpu")],
        capacity,
    };
    samples.add(&HostEvent::Added { host: host.clone() });
    let plain = AddHost {
        engine: text("unix:///run/docker.sock"),
        tls: None,
        labels: Vec::new(),
        capacity: Capacity::default(),
        ..host
    };
    samples.minimal(&HostEvent::Added { host: plain });
    let change = HostChange {
        engine: Some(text("ssh://clawplane@rack-1.example.org")),
        data_dir: Some(text("/srv/bots")),
        labels: Some(vec![text("eu")]),
        capacity: Some(capacity),
    };
    samples.add(&HostEvent::Changed { change });
    let labels = HostChange { labels: Some(Vec::new()), ..HostChange::default() };
    samples.minimal(&HostEvent::Changed { change: labels });
    samples.add(&HostEvent::Drained {});
    samples.add(&HostEvent::Resumed {});
    let measured = Measured { engine: "Docker 28.2.2".into(), memory_mib: 128_000, cpu_millis: 32_000 };
    samples.add(&HostEvent::Measured { measured });
    samples
        .add(&HostEvent::Lost { lost: Unreachable { since: at(), reason: "no answer within 5 s".into() } });
    samples.add(&HostEvent::Found {});
    samples.add(&HostEvent::Removed { name: text("rack-1"), data_key_id: Some(id(0xd)) });
    samples.minimal(&HostEvent::Removed { name: text("rack-1"), data_key_id: None });
}
