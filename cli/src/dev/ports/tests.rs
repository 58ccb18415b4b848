use super::remembered;

#[test]
fn a_port_stays_until_somebody_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let memory = dir.path().join("port");
    let first = remembered(&memory).unwrap();
    let port = first.local_addr().unwrap().port();
    let second = remembered(&memory).unwrap();
    assert_ne!(second.local_addr().unwrap().port(), port);
    let port = second.local_addr().unwrap().port();
    drop(second);
    assert_eq!(remembered(&memory).unwrap().local_addr().unwrap().port(), port);
}
