//! How they find each other.

use crate::scene::Scene;

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn on_a_bare_switch_a_newcomer_finds_the_game_that_runs() {
    let mut scene = Scene::empty(2);
    scene.enter(0);
    scene.peers[0].wait_for("host");
    scene.enter(1);
    let started = scene.now();
    scene.one_game();
    println!("one game {:.1} ms after the second start", scene.settled_after(started));
}
