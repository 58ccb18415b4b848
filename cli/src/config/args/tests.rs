use super::{Command, CommandLine, Need, Role};
use clap::{CommandFactory, Parser};
use pretty_assertions::assert_eq;

fn parse(line: &str) -> Result<CommandLine, clap::Error> {
    CommandLine::try_parse_from(line.split_whitespace())
}

#[test]
fn the_definition_is_sound() {
    CommandLine::command().debug_assert();
}

#[test]
fn roles_come_with_commas_and_all_means_each() {
    let roles = |line: &str| match parse(line).map(|parsed| parsed.command) {
        Ok(Command::Serve(serve)) => serve.roles().into_iter().collect::<Vec<_>>(),
        other => panic!("{line}: {other:?}"),
    };
    assert_eq!(roles("clawplane serve --role proxy,api,proxy"), [Role::Api, Role::Proxy]);
    assert_eq!(roles("clawplane serve --role proxy --role all"), Role::EACH);
}

#[test]
fn no_role_and_a_strange_one_are_refused() {
    for line in ["clawplane serve", "clawplane serve --role", "clawplane serve --role api,king", "clawplane"]
    {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn options_become_settings() {
    let line = parse("clawplane dev --data-dir /d --listen 127.0.0.1:1 --demo").unwrap();
    let flags = line.sources().flags;
    assert_eq!(flags, [("CLAWPLANE_DATA_DIR", "/d".into()), ("CLAWPLANE_LISTEN", "127.0.0.1:1".into())]);
    assert!(matches!(line.command, Command::Dev(dev) if dev.demo));
}

#[test]
fn each_command_says_what_it_needs() {
    let needs = |line: &str| parse(line).unwrap().needs();
    assert_eq!(needs("clawplane dev"), []);
    assert_eq!(needs("clawplane serve --role all"), [Need::Database, Need::Nats, Need::MasterKey]);
    assert_eq!(needs("clawplane migrate --after-restore"), [Need::Database]);
    assert_eq!(needs("clawplane projection rebuild usage --data-dir x"), []);
    assert_eq!(needs("clawplane projection list"), [Need::Database]);
}
