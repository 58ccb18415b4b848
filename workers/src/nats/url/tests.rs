use super::{NatsUrlFault, connection, decoded};
use clawplane_domain::Secret;

fn servers(url: &str) -> Result<Vec<String>, NatsUrlFault> {
    let (servers, options) = connection(&Secret::new(url.to_owned()))?;
    assert!(!format!("{servers:?}{options:?}").contains("hunter2"), "{options:?}");
    Ok(servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect())
}

#[test]
fn credentials_leave_the_addresses() {
    assert_eq!(servers("nats://me:hunter2@a:1, tls://b").unwrap(), ["a:1", "b:4222"]);
    assert_eq!(servers("nats://hunter2@[::1]:5").unwrap(), ["::1:5"]);
    assert_eq!(servers("localhost:4222").unwrap(), ["localhost:4222"]);
}

#[test]
fn what_is_no_server_is_refused() {
    for url in ["", "http://a", "nats://a,", "nats://u:%zz@a", "nats://u:%f@a", "a b"] {
        assert_eq!(servers(url).unwrap_err(), NatsUrlFault, "{url}");
    }
}

#[test]
fn percent_signs_are_decoded_and_a_plus_is_a_plus() {
    assert_eq!(decoded("a%40b%2f+%C3%BC").as_deref(), Ok("a@b/+ü"));
    assert_eq!(decoded("%ff"), Err(NatsUrlFault));
}
