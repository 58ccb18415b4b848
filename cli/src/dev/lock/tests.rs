use super::Lock;
use crate::dev::{DataDir, DevError};

#[test]
fn a_second_one_is_refused_and_told_who_is_first() {
    let base = tempfile::tempdir().unwrap();
    let data = DataDir::open(&base.path().join("data")).unwrap();
    let first = Lock::take(&data).unwrap();
    let refused = Lock::take(&data).unwrap_err();
    assert!(matches!(refused, DevError::Locked { pid, .. } if pid == Some(std::process::id())));
    let text = refused.to_string();
    assert!(text.contains(&std::process::id().to_string()) && text.contains("--data-dir"), "{text}");
    drop(first);
    Lock::take(&data).unwrap();
}
