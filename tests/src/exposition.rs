//! Reads Prometheus's text format, strictly: what it lets through, Prometheus takes.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>

use std::collections::BTreeMap;

/// Labels, by name.
pub type Labels = BTreeMap<String, String>;

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// With its suffix, such as `_bucket`.
    pub name: String,
    /// All labels.
    pub labels: Labels,
    /// The number.
    pub value: f64,
}

/// Everything that a scrape gave.
#[derive(Debug, Default)]
pub struct Scrape {
    /// `counter`, `gauge`, `histogram`, ... by family.
    pub types: BTreeMap<String, String>,
    /// Families that say what they are.
    pub help: BTreeMap<String, String>,
    /// In their order.
    pub samples: Vec<Sample>,
}

impl Scrape {
    /// Reads a scrape; fails with the line that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut scrape = Self::default();
        if !text.ends_with('\n') {
            return Err("the last line has no end".to_owned());
        }
        for line in text.lines().filter(|line| !line.is_empty()) {
            scrape.line(line).ok_or_else(|| line.to_owned())?;
        }
        scrape.check_histograms()?;
        Ok(scrape)
    }

    fn line(&mut self, line: &str) -> Option<()> {
        if let Some(rest) = line.strip_prefix("# ") {
            let (kind, rest) = rest.split_once(' ')?;
            let (name, rest) = rest.split_once(' ')?;
            is_name(name).then_some(())?;
            let old = match kind {
                "HELP" => self.help.insert(name.to_owned(), rest.to_owned()),
                "TYPE" if matches!(rest, "counter" | "gauge" | "histogram" | "summary" | "untyped") => {
                    self.types.insert(name.to_owned(), rest.to_owned())
                }
                _ => return None,
            };
            // Each is said once, and the type before the first sample.
            return old.is_none().then_some(());
        }
        let (name, labels, value) = match line.split_once('{') {
            Some((name, rest)) => {
                let (labels, rest) = read_labels(rest)?;
                (name, labels, rest.strip_prefix(' ')?)
            }
            None => {
                let (name, value) = line.split_once(' ')?;
                (name, Labels::new(), value)
            }
        };
        is_name(name).then_some(())?;
        let value = value.replace("+Inf", "inf").parse().ok()?;
        let sample = Sample { name: name.to_owned(), labels, value };
        self.types.contains_key(self.family(name)).then_some(())?;
        let twice = self.samples.iter().any(|old| old.name == sample.name && old.labels == sample.labels);
        (!twice).then(|| self.samples.push(sample))
    }

    fn family<'a>(&self, name: &'a str) -> &'a str {
        let of_histogram =
            |name: &&str| matches!(self.types.get(*name).map(String::as_str), Some("histogram" | "summary"));
        let ends = ["_bucket", "_sum", "_count"].into_iter();
        ends.filter_map(|end| name.strip_suffix(end)).find(of_histogram).unwrap_or(name)
    }

    /// Buckets only grow, and the last one has everything.
    fn check_histograms(&self) -> Result<(), String> {
        for (family, _) in self.types.iter().filter(|(_, kind)| *kind == "histogram") {
            let mut last: BTreeMap<Labels, (f64, f64)> = BTreeMap::new();
            for sample in self.samples.iter().filter(|sample| sample.name == format!("{family}_bucket")) {
                let mut labels = sample.labels.clone();
                let le: f64 = labels
                    .remove("le")
                    .and_then(|le| le.replace("+Inf", "inf").parse().ok())
                    .ok_or_else(|| format!("{sample:?}"))?;
                let (edge, count) = last.insert(labels, (le, sample.value)).unwrap_or((f64::MIN, 0.0));
                if edge >= le || count > sample.value {
                    return Err(format!("{sample:?} after {edge}: {count}"));
                }
            }
            for (labels, (edge, count)) in last {
                let all = self.value_of(&format!("{family}_count"), &labels);
                if edge.is_finite() || all != Some(count) {
                    return Err(format!("{family}{labels:?}: {count} up to {edge}, {all:?} in all"));
                }
            }
        }
        Ok(())
    }

    /// The sample of this name with exactly these labels.
    pub fn value_of(&self, name: &str, labels: &Labels) -> Option<f64> {
        let same = |sample: &&Sample| sample.name == name && sample.labels == *labels;
        self.samples.iter().find(same).map(|sample| sample.value)
    }

    /// As [`Scrape::value_of`], for a whole number; 0 where there is no such sample.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let value = self.value_of(name, &labels).unwrap_or(0.0);
        assert!(value >= 0.0 && value.fract() == 0.0, "{name} is {value}");
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number")]
        return value as u64;
    }
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || c == ':')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

/// Labels up to the closing brace, and what follows it.
fn read_labels(mut rest: &str) -> Option<(Labels, &str)> {
    let mut labels = Labels::new();
    loop {
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, after) = rest.split_once("=\"")?;
        is_name(name).then_some(())?;
        let (mut value, mut escaped, mut end) = (String::new(), false, None);
        for (at, c) in after.char_indices() {
            match c {
                _ if escaped => {
                    value.push(match c {
                        'n' => '\n',
                        '\\' | '"' => c,
                        _ => return None,
                    });
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    end = Some(at);
                    break;
                }
                _ => value.push(c),
            }
        }
        rest = &after[end? + 1..];
        labels.insert(name.to_owned(), value).is_none().then_some(())?;
        rest = match rest.strip_prefix(',') {
            Some(rest) => rest,
            None => rest.starts_with('}').then_some(rest)?,
        };
    }
}

#[cfg(test)]
mod tests;
