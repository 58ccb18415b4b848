//! Tiny images that behave like bots, or do not: a static busybox that answers `/healthz` on OpenClaw's port.

use crate::life::tar;
use clawplane_tests::docker;
use std::{
    fs,
    io::Write,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::{Command, Stdio},
};

const BOT: &str = "#!/bin/sh\ntrap 'exit 0' TERM\nhttpd -f -p 18789 -h /www &\nwait\n";
const BROKEN: &str = "#!/bin/sh\necho 'no such module'\nexit 7\n";

/// Three images of one test, which go with it.
pub(crate) struct Images {
    pub(crate) good: String,
    pub(crate) next: String,
    pub(crate) broken: String,
}

/// `None` after saying so, where there is no busybox to make them of.
pub(crate) fn images() -> Option<Images> {
    if !Path::new("/bin/busybox").exists() {
        eprintln!("SKIPPED: there is no static busybox for the test's images");
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let test = folder.path().file_name().expect("a name").to_string_lossy().to_lowercase();
    let name = |tag: &str| format!("clawplane/e2e-bot{}:{tag}", test.replace('.', "-"));
    let images = Images { good: name("good"), next: name("next"), broken: name("broken") };
    make(folder.path(), &images.good, BOT, "good");
    make(folder.path(), &images.next, BOT, "next");
    make(folder.path(), &images.broken, BROKEN, "broken");
    Some(images)
}

fn make(root: &Path, image: &str, script: &str, version: &str) {
    for folder in ["bin", "www", "tmp", "etc", "home/node/.openclaw", "home/node/.cache"] {
        fs::create_dir_all(root.join(folder)).expect("a folder");
    }
    fs::copy("/bin/busybox", root.join("bin/busybox")).expect("busybox");
    for applet in ["sh", "httpd", "echo", "cat"] {
        let _ = symlink("busybox", root.join("bin").join(applet));
    }
    fs::write(root.join("www/healthz"), "ok").expect("a file");
    fs::write(root.join("www/version"), version).expect("a file");
    fs::write(root.join("etc/passwd"), "node:x:1000:1000::/home/node:/bin/sh\n").expect("a file");
    fs::write(root.join("bot.sh"), script).expect("a file");
    for program in ["bot.sh", "bin/busybox"] {
        fs::set_permissions(root.join(program), fs::Permissions::from_mode(0o755)).expect("permissions");
    }
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).expect("permissions");
    let mut import = Command::new("docker")
        .args(["import", "--change", "ENV PATH=/bin", "--change", r#"CMD ["/bot.sh"]"#, "-", image])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("docker runs");
    import.stdin.take().expect("a pipe").write_all(&tar(root)).expect("the tar is read");
    assert!(import.wait().expect("it ends").success());
}

impl Drop for Images {
    fn drop(&mut self) {
        // Where a test failed its containers are still there.
        for image in [&self.good, &self.next, &self.broken] {
            let left = docker::docker(&["ps", "-aq", "--filter", &format!("ancestor={image}")]);
            let left =
                left.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
            for container in left.split_whitespace() {
                let _ = docker::docker(&["rm", "-f", container]);
            }
        }
        let _ = docker::docker(&["rmi", "-f", &self.good, &self.next, &self.broken]);
    }
}
