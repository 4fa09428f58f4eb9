//! Every way that an election of three may go, within bounds: none breaks a rule, and all come to rest with one
//! host. What is abstracted is said in `sim::exhaustive`.

use interregnum::sim::exhaustive::{Bounds, Means, Report, explore};

/// The bounds of the great search: hours for a laptop if all were at once, so each leaves something out.
fn great() -> Vec<(&'static str, Bounds)> {
    let bounds = |means| Bounds { means, ..Bounds::default() };
    vec![
        ("two crashes, one cut", bounds(Means { crashes: 2, cuts: 1, ..Means::default() })),
        (
            "a crash and back, one cut",
            bounds(Means { crashes: 1, returns: 1, cuts: 1, ..Means::default() }),
        ),
        ("two crashes, one liar", bounds(Means { crashes: 2, lies: 1, ..Means::default() })),
        ("one cut, one liar", bounds(Means { cuts: 1, lies: 1, ..Means::default() })),
        ("a crash, two hitches", bounds(Means { crashes: 1, hitches: 2, ..Means::default() })),
    ]
}

fn told(name: &str, bounds: &Bounds) -> Report {
    let report = explore(bounds);
    println!("{name}: {report}");
    report
}

#[test]
fn no_way_that_an_election_of_three_may_go_breaks_a_rule() {
    let means = [
        Means { crashes: 1, ..Means::default() },
        Means { cuts: 1, ..Means::default() },
        Means { hitches: 1, ..Means::default() },
        Means { lies: 1, ..Means::default() },
    ];
    for means in means {
        let report = told(&format!("{means:?}"), &Bounds { means, ..Bounds::default() });
        assert!(report.breach.is_none(), "{report}");
        assert!(report.whole && report.states > 100 && report.rests > 0, "{report}");
    }
}

/// In `.ci/run`, with the release profile.
#[test]
#[ignore = "minutes"]
fn no_way_breaks_a_rule_with_two_crashes_a_cut_and_a_liar() {
    for (name, bounds) in great() {
        let report = told(name, &bounds);
        assert!(report.breach.is_none() && report.whole, "{name}: {report}");
    }
}

/// The search for one's own bounds: `EXHAUST=crashes,returns,cuts,hitches,lies,stride`.
#[test]
#[ignore = "by hand"]
fn whatever_is_asked_for() {
    let asked = std::env::var("EXHAUST").unwrap_or_default();
    let asked: Vec<u8> = asked.split(',').filter_map(|number| number.parse().ok()).collect();
    let [crashes, returns, cuts, hitches, lies, stride] = asked[..] else { return };
    let means = Means { crashes, returns, cuts, hitches, lies };
    let report = told("asked", &Bounds { means, stride: stride.into(), ..Bounds::default() });
    assert!(report.breach.is_none(), "{report}");
}
