//! The house as a picture: a row for each floor, a box for each module at the crate's root, and an
//! arrow for each import that does not follow from others.
//!
//! A module stands one floor above the highest that it imports. An arrow that goes further down than
//! one floor takes a lane between the boxes; all that lead to one module share it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use crate::house::House;

const BOX_WIDTH: i32 = 232;
const LANE_WIDTH: i32 = 10;
const GAP: i32 = 26;
/// Between two floors.
const STAIRS: i32 = 50;
const MARGIN: i32 = 44;
const ROOF: i32 = 104;
const LINE: i32 = 16;
/// How many letters stand in a line of a box.
const LETTERS: usize = 31;

/// What stands on a floor: a module, or the lane of arrows that lead to one further down.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Spot<'a> {
    Room(&'a str),
    Lane(&'a str),
}

impl Spot<'_> {
    fn width(self) -> i32 {
        match self {
            Self::Room(_) => BOX_WIDTH,
            Self::Lane(_) => LANE_WIDTH,
        }
    }
}

/// The picture of `house`, as SVG.
pub fn drawn(house: &House) -> String {
    let mut imports = house.imported_by_rooms();
    imports.retain(|room, _| !matches!(room.as_str(), "lib" | "main"));
    imports.values_mut().for_each(|others| others.retain(|other| other != "lib"));
    let rooms: BTreeSet<String> =
        imports.iter().flat_map(|(room, others)| others.iter().chain([room])).cloned().collect();
    let rooms = rooms.iter().map(|room| (room.clone(), imports.remove(room).unwrap_or_default()));
    let plan = Plan::new(&rooms.collect());
    plan.svg(house)
}

/// Which module imports which, without what follows from other imports.
fn reduced(imports: &BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, BTreeSet<String>> {
    let all = |room: &String| {
        let mut all = imports[room].clone();
        let mut next: Vec<String> = all.iter().cloned().collect();
        while let Some(other) = next.pop() {
            next.extend(
                imports[&other].iter().filter(|below| all.insert((*below).clone())).cloned(),
            );
        }
        all
    };
    let direct = |others: &BTreeSet<String>| {
        let follows: BTreeSet<String> = others.iter().flat_map(all).collect();
        others.difference(&follows).cloned().collect()
    };
    imports.iter().map(|(room, others)| (room.clone(), direct(others))).collect()
}

/// The floor of each module.
fn floors(imports: &BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, usize> {
    let mut floors: BTreeMap<String, usize> =
        imports.keys().map(|room| (room.clone(), 0)).collect();
    for _ in imports {
        for (room, others) in imports {
            let floor = others.iter().map(|other| floors[other] + 1).max().unwrap_or_default();
            floors.insert(room.clone(), floor);
        }
    }
    floors
}

struct Plan {
    imports: BTreeMap<String, BTreeSet<String>>,
    floors: BTreeMap<String, usize>,
}

impl Plan {
    fn new(imports: &BTreeMap<String, BTreeSet<String>>) -> Self {
        Self { imports: reduced(imports), floors: floors(imports) }
    }

    /// The ways of all arrows, each from floor to floor.
    fn steps(&self) -> BTreeSet<(usize, Spot<'_>, Spot<'_>)> {
        let mut steps = BTreeSet::new();
        for (room, others) in &self.imports {
            for other in others {
                let mut from = Spot::Room(room);
                for floor in (self.floors[other]..self.floors[room]).rev() {
                    let ends = floor == self.floors[other];
                    let to = if ends { Spot::Room(other) } else { Spot::Lane(other) };
                    steps.insert((floor, from, to));
                    from = to;
                }
            }
        }
        steps
    }

    /// The middle of everything that stands on each floor.
    fn places(&self) -> Vec<BTreeMap<Spot<'_>, i32>> {
        let highest = self.floors.values().max().copied().unwrap_or_default();
        let mut places: Vec<BTreeMap<Spot<'_>, i32>> = vec![BTreeMap::new(); highest + 1];
        for (room, x) in self.rooms(highest) {
            places[self.floors[room]].insert(Spot::Room(room), x);
        }
        let mut lanes: BTreeMap<Spot<'_>, BTreeSet<usize>> = BTreeMap::new();
        for (floor, _, to) in self.steps() {
            if matches!(to, Spot::Lane(_)) {
                lanes.entry(to).or_default().insert(floor);
            }
        }
        // A lane goes straight down, past all that stands on its floors, on the nearer side.
        for (lane, floors) in lanes {
            let Spot::Lane(target) = lane else { continue };
            let on_target = places[self.floors[target]][&Spot::Room(target)];
            let side = if on_target < 0 { -1 } else { 1 };
            let beside = floors.iter().flat_map(|floor| &places[*floor]);
            let beside = beside.map(|(spot, x)| side * x + spot.width() / 2).max();
            let x = side * (beside.unwrap_or_default() + GAP);
            for floor in floors {
                places[floor].insert(lane, x);
            }
        }
        places
    }

    /// The middle of each module: all try to stand above and below what they are joined with, again
    /// and again, until they are at rest.
    fn rooms(&self, highest: usize) -> BTreeMap<&str, i32> {
        let mut places: BTreeMap<&str, i32> =
            self.floors.keys().map(|room| (room.as_str(), 0)).collect();
        for floor in (0..24).flat_map(|_| 0..=highest) {
            let wanted = places.keys().filter(|room| self.floors[**room] == floor).map(|room| {
                let above = self.imports.iter().filter(|(_, others)| others.contains(*room));
                let joined = above.map(|(above, _)| above).chain(&self.imports[*room]);
                let joined: Vec<i32> = joined.map(|other| places[other.as_str()]).collect();
                (mean(&joined), *room)
            });
            let wanted = wanted.collect();
            places.extend(spread(wanted));
        }
        places
    }

    fn svg(&self, house: &House) -> String {
        let places = self.places();
        let colour = |name: &str| colour(house, name);
        let edge = |sign: i32| {
            let spots = places.iter().flatten();
            spots.map(move |(spot, x)| sign * x + spot.width() / 2).max().unwrap_or_default()
        };
        let (left, width) = (edge(-1) + MARGIN, edge(-1) + edge(1) + 2 * MARGIN);
        let texts: BTreeMap<&str, Vec<String>> = self
            .floors
            .keys()
            .map(|room| (room.as_str(), wrapped(&sentence(house, room))))
            .collect();
        let lines = |floor: &BTreeMap<Spot<'_>, i32>| {
            let lines = floor.keys().filter_map(|spot| match spot {
                Spot::Room(room) => Some(texts[room].len()),
                Spot::Lane(_) => None,
            });
            i32::try_from(lines.max().unwrap_or_default()).unwrap_or_default()
        };
        let heights: Vec<i32> = places.iter().map(|floor| 40 + LINE * lines(floor)).collect();
        let height = ROOF + heights.iter().map(|height| height + STAIRS).sum::<i32>();
        let mut tops = Vec::new();
        let mut top = height;
        for height in &heights {
            top -= height + STAIRS;
            tops.push(top + STAIRS / 2);
        }

        let mut svg = String::new();
        let _ = writeln!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"Nunito, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif\">\n\
             <title>The modules of Interregnum, and which imports which</title>\n\
             <defs>\n\
             <linearGradient id=\"night\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"1\"><stop offset=\"0\" \
             stop-color=\"{dusk}\"/><stop offset=\"1\" stop-color=\"{night}\"/></linearGradient>\n\
             <marker id=\"tip\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" \
             markerHeight=\"7\" orient=\"auto\"><path d=\"M0 1 9 5 0 9z\" fill=\"{arrow}\"/></marker>\n\
             </defs>\n\
             <path d=\"M12 {eaves} {middle} 12 {right} {eaves}V{foot}H12z\" fill=\"url(#night)\" \
             stroke=\"{edge}\" stroke-width=\"12\" stroke-linejoin=\"round\"/>",
            dusk = colour("DUSK"),
            night = colour("NIGHT"),
            arrow = colour("WALL_EDGE"),
            edge = colour("DUSK"),
            eaves = ROOF,
            middle = width / 2,
            right = width - 12,
            foot = height - 8,
        );
        for (floor, from, to) in self.steps() {
            let (x1, x2) = (places[floor + 1][&from] + left, places[floor][&to] + left);
            let is_lane = |spot: Spot<'_>| matches!(spot, Spot::Lane(_));
            let y1 = tops[floor + 1] + heights[floor + 1];
            let (y2, tip) = match is_lane(to) {
                true => (tops[floor], ""),
                false => (tops[floor] - 2, " marker-end=\"url(#tip)\""),
            };
            let bend = (y2 - y1) / 2;
            let ends = if is_lane(to) {
                format!("V{}", tops[floor] + heights[floor])
            } else {
                String::new()
            };
            let _ = writeln!(
                svg,
                "<path d=\"M{x1} {y1}C{x1} {} {x2} {} {x2} {y2}{ends}\" fill=\"none\" \
                 stroke=\"{}\" stroke-width=\"1.6\"{tip}/>",
                y1 + bend,
                y2 - bend,
                colour("WALL_EDGE"),
            );
        }
        for (floor, spots) in places.iter().enumerate() {
            for (spot, middle) in spots {
                let Spot::Room(room) = spot else { continue };
                let (x, y) = (middle + left - BOX_WIDTH / 2, tops[floor]);
                let _ = writeln!(
                    svg,
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{}\" rx=\"12\" \
                     fill=\"{}\" stroke=\"{}\" stroke-width=\"1.5\"/>\n\
                     <text x=\"{}\" y=\"{}\" font-size=\"16\" font-weight=\"700\" fill=\"{}\">{room}</text>",
                    heights[floor],
                    colour("PANEL"),
                    colour("PANEL_EDGE"),
                    x + 14,
                    y + 24,
                    colour("CREAM"),
                );
                for (line, y) in texts[room].iter().zip((y + 43..).step_by(16)) {
                    let _ = writeln!(
                        svg,
                        "<text x=\"{}\" y=\"{y}\" font-size=\"12.5\" fill=\"{}\">{line}</text>",
                        x + 14,
                        colour("LAVENDER"),
                    );
                }
            }
        }
        svg + "</svg>\n"
    }
}

/// Puts the modules of a floor beside one another, in the order in which they want to stand.
fn spread(mut wanted: Vec<(i32, &str)>) -> Vec<(&str, i32)> {
    wanted.sort();
    let count = i32::try_from(wanted.len()).unwrap_or_default();
    let first = -(count - 1) * (BOX_WIDTH + GAP) / 2;
    let places = (0..).map(|at| first + at * (BOX_WIDTH + GAP));
    wanted.into_iter().map(|(_, room)| room).zip(places).collect()
}

fn mean(numbers: &[i32]) -> i32 {
    numbers.iter().sum::<i32>().div_euclid(i32::try_from(numbers.len()).unwrap_or(1).max(1))
}

/// The first sentence of a module's own words, without links.
fn sentence(house: &House, room: &str) -> String {
    let text = &house.texts[&[room.to_owned()][..]];
    let words = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let words: Vec<&str> = words.take_while(|line| !line.is_empty()).collect();
    let words = words.join(" ");
    let first = words.split_once(". ").map_or(words.as_str(), |(first, _)| first);
    let first = first.replace(['[', '`', '*'], "");
    let mut parts = first.split(']');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let link = part.strip_prefix('(').and_then(|part| part.split_once(')'));
        plain.push_str(link.map_or(part, |(_, rest)| rest));
    }
    plain.trim_end_matches('.').replace('&', "&amp;").replace('<', "&lt;")
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().filter(|line| line.len() + word.len() < LETTERS);
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => *line = format!("{line} {word}"),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A colour of the palette, as a picture on the web writes it.
fn colour(house: &House, name: &str) -> String {
    let palette = house.texts.get(&["ui", "palette"].map(str::to_owned)[..]);
    let line = palette.and_then(|palette| {
        palette.lines().find(|line| line.starts_with(&format!("pub const {name}: Color = rgb(")))
    });
    let numbers = line.into_iter().flat_map(|line| line.split("0x").skip(1));
    numbers.fold(String::from("#"), |colour, number| colour + &number[..2])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(all: &[(&str, &str)]) -> BTreeMap<String, BTreeSet<String>> {
        let words = |others: &str| others.split_whitespace().map(str::to_owned).collect();
        all.iter().map(|(room, others)| ((*room).to_owned(), words(others))).collect()
    }

    #[test]
    fn what_follows_from_other_imports_is_not_drawn() {
        let all = [("a", ""), ("b", "a"), ("c", "a b"), ("d", "a c"), ("e", "a")];
        let drawn = [("a", ""), ("b", "a"), ("c", "b"), ("d", "c"), ("e", "a")];
        assert_eq!(reduced(&imports(&all)), imports(&drawn));
        assert_eq!(floors(&imports(&all)).into_values().collect::<Vec<usize>>(), [0, 1, 2, 3, 1]);
    }

    #[test]
    fn the_first_sentence_is_shown_without_its_links() {
        let text = "//! What *it* is, by [`A`] and\n//! [b](crate::b). More.\n//!\n//! Else.\n";
        let texts = BTreeMap::from([(vec!["a".to_owned()], text.to_owned())]);
        assert_eq!(sentence(&House::of(texts), "a"), "What it is, by A and b");
    }
}
