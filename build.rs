//! Packs the fonts of the window. Two are deflated as they are, and `ui/fonts.rs` unpacks them.
//!
//! The third is GNU Unifont: its 57,000 bitmaps are two megabytes, and a third of that deflated.
//! `ui/bitmaps.rs` unpacks them when the first one is wanted.
//!
//! Two bytes say how many runs there are: successive code points, all of one width. Six bytes of each: three of
//! the first code point, two that say how many, one with the width, in halves of eight pixels. Then come the
//! bitmaps, one behind the other in the order of the code points: the 16 rows of the left half, a byte each,
//! and then those of the right half, if there is one. (Halves deflate better than whole rows do: what stands at
//! the left of one character stands at the left of many.)

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "window")]
    {
        for font in ["Cinzel-Bold", "Nunito-ExtraBold"] {
            let file = format!("assets/{font}.ttf");
            println!("cargo:rerun-if-changed={file}");
            pack(font, &std::fs::read(file).expect("the font is there"));
        }
        pack("unifont", &bitmaps());
    }
}

#[cfg(feature = "window")]
fn pack(name: &str, bytes: &[u8]) {
    let packed = miniz_oxide::deflate::compress_to_vec(bytes, 9);
    let folder = std::env::var_os("OUT_DIR").expect("cargo says where");
    std::fs::write(std::path::Path::new(&folder).join(name), packed).expect("there is room");
}

#[cfg(feature = "window")]
fn bitmaps() -> Vec<u8> {
    use unifont::Glyph;

    let mut glyphs: Vec<(char, &Glyph)> = unifont::enumerate_glyphs().collect();
    glyphs.sort_unstable_by_key(|(character, _)| *character);
    let mut runs: Vec<(u32, u16, u8)> = Vec::new();
    let mut bitmaps: Vec<u8> = Vec::new();
    for (character, glyph) in glyphs {
        let (code, halves) = (u32::from(character), if glyph.is_fullwidth() { 2 } else { 1 });
        match runs.last_mut() {
            Some((first, count, width))
                if *first + u32::from(*count) == code && *width == halves && *count < u16::MAX =>
            {
                *count += 1;
            }
            _ => runs.push((code, 1, halves)),
        }
        match glyph {
            Glyph::Halfwidth(rows) => bitmaps.extend(rows),
            Glyph::Fullwidth(rows) => {
                bitmaps.extend(rows.iter().map(|row| (row >> 8) as u8));
                bitmaps.extend(rows.iter().map(|row| *row as u8));
            }
        }
    }
    let mut bytes = (runs.len() as u16).to_be_bytes().to_vec();
    for (first, count, halves) in runs {
        bytes.extend(&first.to_be_bytes()[1..]);
        bytes.extend(count.to_be_bytes());
        bytes.push(halves);
    }
    bytes.extend(bitmaps);
    bytes
}
