//! What is decided about a provider key.

use super::{
    AddKey, Cooling, DisabledBy, Disabling, KeyChange, KeyCommand, KeyEvent, KeyRefusal, ProviderKey,
    commands::{MAX_TAGS, MAX_WEIGHT},
};
use crate::{DataKeyId, values::Tag};

pub(super) fn decide(state: &ProviderKey, command: KeyCommand) -> Result<Vec<KeyEvent>, KeyRefusal> {
    let (key, command) = match (&state.key, command) {
        (Some(_), KeyCommand::Add(_)) => return Err(KeyRefusal::Exists),
        (None, KeyCommand::Add(key)) => return add(*key),
        (None, _) => return Err(KeyRefusal::Unknown),
        (Some(_), _) if state.deleted => return Err(KeyRefusal::Unknown),
        (Some(key), command) => (key, command),
    };
    let present = key.sealed.data_key_id;
    Ok(match command {
        KeyCommand::Delete => vec![KeyEvent::Deleted { data_key_id: present }],
        KeyCommand::Change(change) => changed(key, change)?,
        KeyCommand::Rotate(sealed) if sealed == key.sealed => Vec::new(),
        KeyCommand::Rotate(sealed) => vec![KeyEvent::Rotated { sealed, previous_data_key_id: present }],
        KeyCommand::Disable { disabling, secret } => disabled(state, disabling, present, secret),
        KeyCommand::Enable if state.disabled.is_none() && state.cooling.is_none() => Vec::new(),
        KeyCommand::Enable => vec![KeyEvent::Enabled {}],
        KeyCommand::Cool { secret, .. }
        | KeyCommand::Recover { secret }
        | KeyCommand::Verified { secret }
            if secret != present =>
        {
            Vec::new()
        }
        KeyCommand::Cool { cooling, .. } => cooled(state, cooling),
        KeyCommand::Recover { .. } => recovered(state),
        KeyCommand::Verified { .. } => match &state.disabled {
            Some(disabling) if disabling.by == DisabledBy::Proxy => vec![KeyEvent::Enabled {}],
            _ => recovered(state),
        },
        KeyCommand::Add(_) => return Err(KeyRefusal::Exists),
    })
}

fn add(key: AddKey) -> Result<Vec<KeyEvent>, KeyRefusal> {
    check(&key.tags, key.weight)?;
    if key.vendor.as_str() == "custom" {
        if key.base_url.is_none() {
            return Err(KeyRefusal::CustomNeeds { field: "baseUrl" });
        }
        if key.api_type.is_none() {
            return Err(KeyRefusal::CustomNeeds { field: "apiType" });
        }
    }
    Ok(vec![KeyEvent::Added { key }])
}

fn check(tags: &[Tag], weight: u32) -> Result<(), KeyRefusal> {
    if tags.len() > MAX_TAGS {
        return Err(KeyRefusal::TooManyTags);
    }
    if !(1..=MAX_WEIGHT).contains(&weight) {
        return Err(KeyRefusal::Weight);
    }
    Ok(())
}

fn changed(key: &AddKey, change: KeyChange) -> Result<Vec<KeyEvent>, KeyRefusal> {
    let label = change.label.unwrap_or_else(|| key.label.clone());
    let tags = change.tags.unwrap_or_else(|| key.tags.clone());
    let weight = change.weight.unwrap_or(key.weight);
    check(&tags, weight)?;
    if (&label, &tags, weight) == (&key.label, &key.tags, key.weight) {
        return Ok(Vec::new());
    }
    Ok(vec![KeyEvent::Changed { label, tags, weight }])
}

/// What is disabled stays so and needs no second event; only a person takes it over from the proxy, so that nothing
/// but a person puts it back.
fn disabled(
    state: &ProviderKey,
    disabling: Disabling,
    present: DataKeyId,
    secret: Option<DataKeyId>,
) -> Vec<KeyEvent> {
    let rotated_away = secret.is_some_and(|secret| secret != present);
    let known = state
        .disabled
        .as_ref()
        .is_some_and(|old| old.by == DisabledBy::Person || disabling.by == DisabledBy::Proxy);
    if rotated_away || known {
        return Vec::new();
    }
    vec![KeyEvent::Disabled { disabling: disabling.tidied() }]
}

/// Several proxies report: only what lasts longer than what is known is news.
fn cooled(state: &ProviderKey, cooling: Cooling) -> Vec<KeyEvent> {
    let known = state.cooling.as_ref().is_some_and(|old| old.until >= cooling.until);
    if state.disabled.is_some() || known { Vec::new() } else { vec![KeyEvent::Cooled { cooling }] }
}

fn recovered(state: &ProviderKey) -> Vec<KeyEvent> {
    if state.disabled.is_some() || state.cooling.is_none() {
        Vec::new()
    } else {
        vec![KeyEvent::Recovered {}]
    }
}
