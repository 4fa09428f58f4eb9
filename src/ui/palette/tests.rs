//! How far apart the tunics are, for all kinds of eyes.
//!
//! *Eyes that lack a kind of cones* are simulated as G. M. Machado, M. M. Oliveira and L. A. F.
//! Fernandes do ("A Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE
//! Transactions on Visualization and Computer Graphics 15(6), 2009): a matrix over linear light for
//! each kind, here those for complete loss. *Distance* is that in Oklab (B. Ottosson, "A perceptual
//! color space for image processing", 2020), in which equal distances look about equally large:
//! black and white are 1 apart, and 0.02 is about what can just be seen side by side.

use super::*;
use crate::{
    arena::{Arena, Controls, World},
    game::{Game, News},
    text::Name,
    types::NodeId,
    ui::heir::Ears,
};

type Matrix = [[f32; 3]; 3];

const EYES: [(&str, Matrix); 4] = [
    ("trichromat", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "protanope",
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
    ),
    (
        "deuteranope",
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
    ),
    (
        "tritanope",
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ),
];

/// The least distance of any two tunics, whoever looks.
const APART_MIN: f32 = 0.08;
/// Tunics closer than this go with different ears.
const ALIKE: f32 = 0.13;

fn linear(part: f32) -> f32 {
    if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
}

fn times(matrix: &Matrix, colour: [f32; 3]) -> [f32; 3] {
    matrix.map(|row| row.iter().zip(colour).map(|(a, b)| a * b).sum())
}

fn oklab(light: [f32; 3]) -> [f32; 3] {
    let cones = times(
        &[
            [0.412_221_46, 0.536_332_55, 0.051_445_995],
            [0.211_903_5, 0.680_699_5, 0.107_396_96],
            [0.088_302_46, 0.281_718_85, 0.629_978_7],
        ],
        light,
    );
    times(
        &[
            [0.210_454_26, 0.793_617_8, -0.004_072_047],
            [1.977_998_5, -2.428_592_2, 0.450_593_7],
            [0.025_904_037, 0.782_771_77, -0.808_675_77],
        ],
        cones.map(f32::cbrt),
    )
}

fn seen(colour: Color, eye: &Matrix) -> [f32; 3] {
    let light = [colour.r, colour.g, colour.b].map(linear);
    oklab(times(eye, light).map(|part| part.clamp(0.0, 1.0)))
}

/// How far two colours are apart for the eyes that tell them apart least, and whose these are.
fn apart(a: Color, b: Color) -> (f32, &'static str) {
    let distance = |eye: &Matrix| {
        let (a, b) = (seen(a, eye), seen(b, eye));
        (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f32>().sqrt()
    };
    EYES.iter()
        .map(|(whose, eye)| (distance(eye), *whose))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap()
}

fn pairs(colours: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    colours.iter().enumerate().flat_map(|(i, a)| colours[..i].iter().map(|b| (*a, *b)))
}

#[test]
fn any_two_tunics_are_told_apart_by_all_kinds_of_eyes() {
    let all: Vec<usize> = (0..TUNICS.len()).collect();
    for (a, b) in pairs(&all) {
        let (distance, whose) = apart(TUNICS[a], TUNICS[b]);
        assert!(distance >= APART_MIN, "a {whose} sees {a} and {b} only {distance} apart");
    }
}

#[test]
fn tunics_that_are_alike_go_with_different_ears() {
    let all: Vec<usize> = (0..TUNICS.len()).collect();
    for (a, b) in pairs(&all) {
        let (distance, whose) = apart(TUNICS[a], TUNICS[b]);
        let ears = [a, b].map(|colour| Ears::of(colour as u8));
        assert!(
            distance >= ALIKE || ears[0] != ears[1],
            "to a {whose}, {a} and {b} are {distance} apart and look alike"
        );
    }
}

#[test]
fn no_tunic_is_gold_and_none_is_lost_on_the_floor() {
    for (i, tunic) in TUNICS.into_iter().enumerate() {
        for (what, other) in [("gold", GOLD), ("gold", GOLD_LIGHT), ("floor", FLOOR)] {
            let (distance, whose) = apart(tunic, other);
            let least = if what == "gold" { 0.05 } else { 0.2 };
            assert!(distance >= least, "a {whose} sees tunic {i} {distance} from {what}");
        }
    }
}

/// Whatever their ids: the first players of a world get tunics that are far apart.
#[test]
fn few_players_look_very_different() {
    for seed in 0..50_u128 {
        let mut world: World = Arena::new_world(7);
        for (players, least) in [(2, 0.3), (3, 0.2), (4, 0.15), (8, 0.09)] {
            let from = world.players.len() as u128;
            let news: Vec<News<Controls>> = (from..players)
                .map(|i| {
                    let id = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 + 1_000_003 * seed);
                    News::Joined(NodeId::from_u128(id), Name::new("x"))
                })
                .collect();
            Arena::step(&mut world, &news, &mut Vec::new());
            let colours: Vec<usize> =
                world.players.values().map(|player| usize::from(player.colour)).collect();
            for (a, b) in pairs(&colours) {
                let (distance, whose) = apart(TUNICS[a], TUNICS[b]);
                assert!(distance >= least, "{players} players: a {whose} sees {distance}");
            }
        }
    }
}
