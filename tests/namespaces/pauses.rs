//! Processes that stand still for a while, and do not know it.

use std::time::Duration;

use crate::{
    judge::{at, term},
    scene::Scene,
};

const SPANS: [Duration; 3] =
    [Duration::from_millis(300), Duration::from_secs(1), Duration::from_secs(3)];

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn a_host_that_was_stopped_is_replaced_and_follows_when_it_wakes() {
    let mut scene = Scene::playing(4);
    for span in SPANS {
        let host = scene.one_game();
        let epoch = scene.epoch();
        let (stopped, continued) = scene.stop_for(host, span);
        let successor = scene.one_game();
        assert_ne!(successor, host, "it was not replaced");
        let mut others = scene.hosts();
        others.retain(|other| *other != host);
        let followed = scene.lines(host, "tick").find(|line| term(line).0 > epoch).map(at).unwrap();
        assert!(followed >= continued);
        println!(
            "host stopped for {span:?}: {:.1} ms without a tick; it follows {:.1} ms after waking",
            scene.longest_gap_at(&others, stopped),
            (followed - continued) as f64 / 1_000.0
        );
    }
    scene.end();
}

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn a_client_that_was_stopped_disturbs_nobody() {
    let mut scene = Scene::playing(4);
    for span in SPANS {
        let host = scene.one_game();
        let (epoch, client) =
            (scene.epoch(), scene.hosts().into_iter().find(|h| *h != host).unwrap());
        let (stopped, _) = scene.stop_for(client, span);
        scene.one_game();
        scene.assert_same_reign(host, epoch, stopped);
        let mut others = scene.hosts();
        others.retain(|other| *other != client);
        println!(
            "client stopped for {span:?}: {:.1} ms without a tick elsewhere",
            scene.longest_gap_at(&others, stopped)
        );
    }
    scene.end();
}
