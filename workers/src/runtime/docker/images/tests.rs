use super::*;
use bollard::models::ProgressDetail;

#[test]
fn names_are_split_where_the_tag_begins() {
    assert_eq!(name_and_tag("clawplane/openclaw:2026.9.6"), ("clawplane/openclaw", "2026.9.6"));
    assert_eq!(name_and_tag("localhost:5000/openclaw"), ("localhost:5000/openclaw", "latest"));
    assert_eq!(name_and_tag("localhost:5000/openclaw:1"), ("localhost:5000/openclaw", "1"));
    assert_eq!(name_and_tag("openclaw@sha256:00ff"), ("openclaw@sha256:00ff", ""));
}

fn told(id: &str, status: &str, bytes: Option<(i64, i64)>) -> CreateImageInfo {
    CreateImageInfo {
        id: Some(id.to_owned()),
        status: Some(status.to_owned()),
        progress_detail: bytes
            .map(|(current, total)| ProgressDetail { current: Some(current), total: Some(total) }),
        ..CreateImageInfo::default()
    }
}

#[test]
fn progress_is_the_sum_of_the_layers_downloads() {
    let mut layers = Layers::default();
    assert_eq!(layers.note(told("a", "Pulling fs layer", None)).percent(), 0);
    layers.note(told("a", "Downloading", Some((50, 100))));
    let seen = layers.note(told("b", "Downloading", Some((0, 300))));
    assert_eq!(seen, PullProgress { current: 50, total: 400 });
    layers.note(told("a", "Download complete", None));
    let seen = layers.note(told("a", "Extracting", Some((7, 100))));
    assert_eq!(seen, PullProgress { current: 100, total: 400 });
    assert_eq!(seen.percent(), 25);
}
