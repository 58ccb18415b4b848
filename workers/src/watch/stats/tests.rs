use super::*;

fn at(cpu: u64, machine: u64) -> Counters {
    Counters { cpu_nanos: cpu, machine_nanos: machine, cores: 4, ..Counters::default() }
}

#[test]
fn cpu_is_of_one_core() {
    let near = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-9, "{found}");
    // A second of a machine with four cores is four of its seconds.
    near(cpu_percent(at(0, 0), at(1_500_000_000, 4_000_000_000)), 150.0);
    near(cpu_percent(at(5, 5), at(5, 5)), 0.0);
    // A container that was started again counts from the beginning.
    near(cpu_percent(at(9_000_000_000, 1), at(1, 4_000_000_001)), 0.0);
}
