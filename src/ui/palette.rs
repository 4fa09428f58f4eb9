//! The colours of the realm: a dark, warm night of ink and violet, gold for the crown and for
//! nothing that is not the crown's or a player's gain, and a bright tunic for each heir.
use macroquad::color::Color;

/// Behind everything: the edge of the night.
pub const NIGHT: Color = rgb(0x14, 0x0f, 0x2a);
/// The middle of the night, where the light falls.
pub const DUSK: Color = rgb(0x2c, 0x1f, 0x55);
/// The floor of the board, and every other of its tiles.
pub const FLOOR: Color = rgb(0x33, 0x27, 0x60);
/// The other tiles of the floor.
pub const FLOOR_ALT: Color = rgb(0x38, 0x2b, 0x69);
/// The top of a wall.
pub const WALL_TOP: Color = rgb(0x76, 0x62, 0xb8);
/// The lit edge of a wall.
pub const WALL_EDGE: Color = rgb(0x97, 0x84, 0xd6);
/// The front of a wall, above.
pub const WALL_FRONT: Color = rgb(0x4d, 0x3d, 0x8a);
/// The front of a wall, at the floor.
pub const WALL_FOOT: Color = rgb(0x38, 0x2b, 0x6b);
/// A hedge, lit.
pub const HEDGE_LIGHT: Color = rgb(0x4f, 0xb3, 0x86);
/// A hedge.
pub const HEDGE: Color = rgb(0x2f, 0x8a, 0x6d);
/// The front of a hedge, above.
pub const HEDGE_DEEP: Color = rgb(0x1c, 0x5c, 0x54);
/// The front of a hedge, at the floor.
pub const HEDGE_DARK: Color = rgb(0x15, 0x3f, 0x46);
/// Fire.
pub const FIRE: Color = rgb(0xff, 0x93, 0x3f);
/// Panels over the night.
pub const PANEL: Color = rgb(0x20, 0x18, 0x40);
/// The border of a panel.
pub const PANEL_EDGE: Color = rgb(0x4a, 0x3b, 0x85);

/// Gold in the light.
pub const GOLD_LIGHT: Color = rgb(0xff, 0xea, 0xa6);
/// Gold.
pub const GOLD: Color = rgb(0xf6, 0xc4, 0x4f);
/// Gold in the shade.
pub const GOLD_DEEP: Color = rgb(0xc9, 0x87, 0x2a);
/// The outline of gold.
pub const GOLD_DARK: Color = rgb(0x7a, 0x48, 0x1c);

/// Text.
pub const CREAM: Color = rgb(0xf8, 0xef, 0xdc);
/// Text that matters less.
pub const LAVENDER: Color = rgb(0xb3, 0xa4, 0xdd);
/// Text that may be overlooked.
pub const HEATHER: Color = rgb(0x7f, 0x70, 0xb0);

/// The ribbon, lit.
pub const CRIMSON: Color = rgb(0xc8, 0x2f, 0x4a);
/// The ribbon.
pub const CRIMSON_DEEP: Color = rgb(0x9a, 0x1f, 0x3c);
/// The back of the ribbon.
pub const CRIMSON_DARK: Color = rgb(0x62, 0x12, 0x2d);
/// The ribbon of peace, when two realms become one.
pub const EMERALD: Color = rgb(0x1f, 0x9e, 0x7c);
/// The ribbon of peace, darker.
pub const EMERALD_DEEP: Color = rgb(0x14, 0x74, 0x62);
/// The back of the ribbon of peace.
pub const EMERALD_DARK: Color = rgb(0x0b, 0x4a, 0x44);

/// Ruby, lit: what is rare.
pub const RUBY_LIGHT: Color = rgb(0xff, 0x9f, 0xc6);
/// Ruby.
pub const RUBY: Color = rgb(0xff, 0x4f, 0x8b);
/// Ruby in the shade.
pub const RUBY_DEEP: Color = rgb(0xb3, 0x1d, 0x66);

/// Behind the title: roofs, and the last light on the sky.
pub const ROSE: Color = rgb(0xff, 0x8f, 0xd0);
/// The glow of the evening.
pub const APRICOT: Color = rgb(0xff, 0xa0, 0x4a);
/// Figures for whoever wants to know.
pub const TEAL: Color = rgb(0x2f, 0xd0, 0xbd);

/// The tunics of the heirs, none of them gold. Any two of them can be told apart, also by eyes that
/// lack one of the three kinds of cones; and the first ones, which the first players get, best. The
/// tests compute how far they are apart, and how that is done. Beside its colour each heir has its
/// [ears](super::heir::Ears).
pub const TUNICS: [Color; 12] = [
    rgb(0x4b, 0x27, 0xff), // indigo
    rgb(0xc9, 0xff, 0x27), // lime
    rgb(0xff, 0x39, 0x15), // vermilion
    rgb(0x93, 0xa5, 0xed), // periwinkle
    rgb(0x93, 0x5d, 0xa5), // plum
    rgb(0xff, 0xa5, 0xa5), // salmon
    rgb(0x4b, 0x81, 0xed), // azure
    rgb(0x6f, 0xdb, 0xed), // sky
    rgb(0xb7, 0x5d, 0x6f), // rosewood
    rgb(0xff, 0x6f, 0xb7), // pink
    rgb(0xb7, 0xb7, 0x39), // olive
    rgb(0x93, 0xff, 0xdb), // ice
];

const fn rgb(red: u8, green: u8, blue: u8) -> Color {
    Color::new(red as f32 / 255.0, green as f32 / 255.0, blue as f32 / 255.0, 1.0)
}

/// `colour`, see-through by `alpha`.
pub const fn faded(colour: Color, alpha: f32) -> Color {
    Color::new(colour.r, colour.g, colour.b, colour.a * alpha)
}

/// From `a` (`part` 0) to `b` (`part` 1).
pub fn mixed(a: Color, b: Color, part: f32) -> Color {
    let mix = |a: f32, b: f32| a + (b - a) * part;
    Color::new(mix(a.r, b.r), mix(a.g, b.g), mix(a.b, b.b), mix(a.a, b.a))
}

/// `colour`, darker: towards the night, not towards black.
pub fn shaded(colour: Color, part: f32) -> Color {
    mixed(colour, Color { a: colour.a, ..NIGHT }, part)
}

/// `colour`, lighter: towards cream, not towards white.
pub fn lit(colour: Color, part: f32) -> Color {
    mixed(colour, Color { a: colour.a, ..CREAM }, part)
}

#[cfg(test)]
mod tests;
