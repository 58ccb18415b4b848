//! What is looked at, one check each.

use super::{Finding, Grade, Patient, config};
use crate::{
    runtime::{
        belongings::ContainerFacts,
        docker::profile::{LABEL_BOT, LABEL_SPEC, LABEL_TENANT, STATE_DIR},
        short_id,
    },
    workspace::Owner,
};
use clawplane_domain::bot::Desired;

const MIB: u64 = 1024 * 1024;
const ANEW: &str = "remove the container (`docker rm -f`): the worker makes another one as it should be";
const RESTART: &str = "stop and start the bot: the worker makes it as it should be";

/// What is wrong, or nothing.
type Verdict = (Grade, String);

fn good() -> Verdict {
    (Grade::Good, String::new())
}

/// Bad where there is something in it.
fn all(faults: &[String]) -> Verdict {
    if faults.is_empty() { good() } else { (Grade::Bad, faults.join("; ")) }
}

impl Patient<'_> {
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut note = |check: &'static str, (grade, detail): Verdict, remedy: &'static str| {
            let (bot, hostname) = (self.bot.id, self.bot.hostname.to_string());
            found.push(Finding { bot, hostname, check, grade, detail, remedy });
        };
        let mine: Vec<_> = self.engine.containers.iter().filter(|one| one.bot == Some(self.bot.id)).collect();
        note(
            "container",
            self.container(&mine),
            "see `GET /api/bot/admin/orphans`, and what the worker logs of this bot",
        );
        for container in mine {
            note("labels", self.labels(container), ANEW);
            note("limits", self.limits(container), ANEW);
            note("capabilities", capabilities(container), ANEW);
            note("root", self.root(container), ANEW);
            note("mounts", self.mounts(container), ANEW);
            note("ports", published(container), ANEW);
            note(
                "network",
                self.network(container),
                "stop the bot, take what is foreign off its network, start it",
            );
            note("image", self.image(container), RESTART);
        }
        note("folder", self.folder(), RESTART);
        note("config", self.config(), "correct `openclaw.json` and restart the bot");
        note("disk", self.disk(), "make room in the bot's folder, or raise `limits.diskMib`");
        found
    }

    fn container(&self, mine: &[&ContainerFacts]) -> Verdict {
        match (mine, self.bot.desired) {
            ([], Desired::Running) => (Grade::Bad, "it shall run and has no container".to_owned()),
            ([one], Desired::Running) if !one.running => (Grade::Bad, "it shall run and does not".to_owned()),
            ([one], Desired::Stopped) if one.running => (Grade::Bad, "it shall not run and does".to_owned()),
            ([_, _, ..], _) => (Grade::Bad, format!("{} containers carry its label", mine.len())),
            _ => good(),
        }
    }

    fn labels(&self, seen: &ContainerFacts) -> Verdict {
        let label = |name: &str| seen.labels.get(name).map(String::as_str).unwrap_or_default();
        let mut faults = Vec::new();
        for (name, wanted) in
            [(LABEL_BOT, self.bot.id.to_string()), (LABEL_TENANT, self.bot.tenant_id.to_string())]
        {
            if label(name) != wanted {
                faults.push(format!("{name} is `{}`", label(name)));
            }
        }
        if label(LABEL_SPEC).is_empty() {
            faults.push(format!("{LABEL_SPEC} is missing"));
        }
        all(&faults)
    }

    fn limits(&self, seen: &ContainerFacts) -> Verdict {
        let limits = self.bot.limits;
        let memory = i64::from(limits.memory_mib) * 1024 * 1024;
        let pairs = [
            ("memory", seen.memory, memory),
            ("memory and swap", seen.memory_swap, memory),
            ("CPU (billionths)", seen.nano_cpus, i64::from(limits.cpu_millis) * 1_000_000),
            ("processes", seen.pids, i64::from(limits.pids)),
        ];
        let off = pairs.into_iter().filter(|(_, is, wanted)| is != wanted);
        let off: Vec<_> = off.map(|(what, is, wanted)| format!("{what}: {is} and not {wanted}")).collect();
        all(&off)
    }

    fn root(&self, seen: &ContainerFacts) -> Verdict {
        match (seen.readonly_root, self.bot.limits.writable_root) {
            (true, _) => good(),
            (false, true) => {
                (Grade::Note, "its root file system can be written, as its limits say".to_owned())
            }
            (false, false) => (Grade::Bad, "its root file system can be written".to_owned()),
        }
    }

    fn mounts(&self, seen: &ContainerFacts) -> Verdict {
        let own = |mount: &&crate::runtime::belongings::MountFacts| {
            mount.kind == "bind" && self.state_dir == *mount.source && mount.target == STATE_DIR
        };
        let mut faults: Vec<_> = seen
            .mounts
            .iter()
            .filter(|mount| !own(mount))
            .map(|mount| format!("{} `{}` at `{}`", mount.kind, mount.source, mount.target))
            .collect();
        if !seen.mounts.iter().any(|mount| own(&mount)) {
            faults.push("its folder is not mounted".to_owned());
        }
        all(&faults)
    }

    fn network(&self, seen: &ContainerFacts) -> Verdict {
        let name = format!("clawplane-{}", short_id(self.bot.id));
        let mut faults: Vec<_> = seen
            .networks
            .iter()
            .filter(|one| **one != name)
            .map(|one| format!("it is also on `{one}`"))
            .collect();
        let Some(network) = self.engine.networks.iter().find(|network| network.name == name) else {
            if seen.running {
                faults.push("its network is missing".to_owned());
            }
            return all(&faults);
        };
        if !network.internal {
            faults.push("its network leads out".to_owned());
        }
        if network.ipv6 {
            faults.push("its network has IPv6".to_owned());
        }
        if network.bot != Some(self.bot.id) {
            faults.push("its network carries another bot's label".to_owned());
        }
        if network.members.iter().any(|member| *member != seen.id) {
            faults.push("somebody else is on its network".to_owned());
        }
        all(&faults)
    }

    fn image(&self, seen: &ContainerFacts) -> Verdict {
        let wanted = self.bot.image.as_ref().unwrap_or(&self.norm.default_image);
        if seen.image == wanted.as_str() {
            return good();
        }
        (Grade::Bad, format!("it is made from {} and not from {wanted}", seen.image))
    }

    fn folder(&self) -> Verdict {
        let folder = match &self.folder {
            Ok(Some(folder)) => folder,
            Ok(None) => return good(), // It was never started.
            Err(error) => return (Grade::Bad, error.clone()),
        };
        let mut faults = Vec::new();
        let mut compare = |what: &str, owner: Owner, mode: u32, wanted: u32| {
            if owner != self.owner {
                faults.push(format!(
                    "{what} is {}:{}'s and not {}:{}'s",
                    owner.uid, owner.gid, self.owner.uid, self.owner.gid
                ));
            }
            if mode & !wanted & 0o777 != 0 {
                faults.push(format!("{what} has the mode {mode:04o} and not {wanted:04o}"));
            }
        };
        compare("its folder", folder.rights.owner, folder.rights.mode, 0o700);
        if let Some((rights, _)) = &folder.config {
            compare("openclaw.json", rights.owner, rights.mode, 0o600);
        }
        all(&faults)
    }

    fn config(&self) -> Verdict {
        match &self.folder {
            Ok(Some(folder)) => match &folder.config {
                Some((_, text)) => all(&config::faults(text)),
                None => good(),
            },
            _ => good(), // The folder's own check says it.
        }
    }

    fn disk(&self) -> Verdict {
        let limit = u64::from(self.bot.limits.disk());
        match &self.usage {
            Err(error) => (Grade::Bad, error.clone()),
            Ok(usage) if !usage.complete => {
                (Grade::Bad, "it has more files, or deeper folders, than are counted".to_owned())
            }
            Ok(usage) if usage.bytes > limit * MIB => {
                (Grade::Bad, format!("it has {} MiB of {limit}", usage.bytes / MIB))
            }
            Ok(usage) if usage.bytes > limit * MIB / 100 * 80 => {
                (Grade::Note, format!("it has {} MiB of {limit}", usage.bytes / MIB))
            }
            Ok(_) => good(),
        }
    }
}

fn capabilities(seen: &ContainerFacts) -> Verdict {
    let mut faults = Vec::new();
    let mut require = |ok: bool, fault: String| {
        if !ok {
            faults.push(fault);
        }
    };
    require(
        seen.cap_drop.iter().any(|one| one.eq_ignore_ascii_case("ALL")),
        "it keeps capabilities".to_owned(),
    );
    require(seen.cap_add.is_empty(), format!("it has {}", seen.cap_add.join(", ")));
    require(!seen.privileged, "it is privileged".to_owned());
    let no_new = seen.security_opt.iter().any(|one| {
        matches!(one.as_str(), "no-new-privileges" | "no-new-privileges:true" | "no-new-privileges=true")
    });
    require(no_new, "it can get new privileges".to_owned());
    // The engine's own filter of system calls and its AppArmor profile hold where nothing is said of them.
    let open = seen.security_opt.iter().filter(|one| one.contains("unconfined") || one.contains("disable"));
    let open: Vec<_> = open.cloned().collect();
    require(open.is_empty(), format!("it is without {}", open.join(", ")));
    require(seen.devices == 0, format!("it has {} devices of the host", seen.devices));
    require(seen.shares.is_empty(), format!("it shares {}", seen.shares.join(", ")));
    let root = matches!(seen.user.split(':').next(), None | Some("" | "0" | "root"));
    require(!root, "its process is root".to_owned());
    all(&faults)
}

fn published(seen: &ContainerFacts) -> Verdict {
    let open = seen.published.iter().map(|port| format!("{port} of the host leads to it past the platform"));
    all(&open.collect::<Vec<_>>())
}
