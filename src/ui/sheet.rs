//! What one frame is made of, before a graphics card hears of it.
//!
//! A [`Canvas`](super::draw::Canvas) writes triangles onto a [`Sheet`]; `press`
//! prints it. In between it can be counted, so the budget of a frame is held by a test that needs
//! no display, and it can be baked into a sprite without one.
//!
//! All shapes and letters take their colours from one texture, the [`atlas`](super::atlas): so they
//! go out together, in order, as few draw calls as there are changes to a [layer](super::layers) and
//! back.
use macroquad::{
    color::Color,
    math::{Vec2, vec2},
    models::Vertex,
};

/// Most vertices of one batch: what is drawn with one call, and what its indices can name.
pub const BATCH_VERTICES_MAX: usize = 6_000;
/// Most indices of one batch.
pub const BATCH_INDICES_MAX: usize = 12_000;

/// Where the colours of a batch come from, beside those of its vertices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The atlas; places in it are in its pixels.
    Atlas,
    /// A still layer of that name, drawn as it is, without blending; places in it are parts of it.
    Layer(&'static str),
}

/// Triangles that are drawn with one call.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Where their colours come from.
    pub source: Source,
    /// Their corners.
    pub vertices: Vec<Vertex>,
    /// Three of the corners for each triangle.
    pub indices: Vec<u16>,
}

/// How much there is on a sheet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Corners of triangles.
    pub vertices: usize,
    /// Draw calls.
    pub batches: usize,
}

/// Triangles, in the order they are drawn.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    batches: Vec<Batch>,
    /// How many of them are in use; the others wait with their memory for the next frame.
    used: usize,
}

impl Sheet {
    /// Takes everything off, and keeps the memory.
    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// What is on it.
    pub fn batches(&self) -> &[Batch] {
        &self.batches[..self.used]
    }

    /// What is on it, to be put right before it is printed.
    pub fn batches_mut(&mut self) -> &mut [Batch] {
        &mut self.batches[..self.used]
    }

    /// How much is on it.
    pub fn count(&self) -> Count {
        Count {
            vertices: self.batches().iter().map(|batch| batch.vertices.len()).sum(),
            batches: self.used,
        }
    }

    /// Where a shape of so many vertices and indices from `source` is to be written. Indices are
    /// counted from the number given.
    pub fn room(&mut self, source: Source, vertices: usize, indices: usize) -> (&mut Batch, u16) {
        let fits = |batch: &Batch| {
            batch.source == source
                && batch.vertices.len() + vertices < BATCH_VERTICES_MAX
                && batch.indices.len() + indices < BATCH_INDICES_MAX
        };
        if !self.batches().last().is_some_and(fits) {
            if self.used == self.batches.len() {
                self.batches.push(Batch { source, vertices: Vec::new(), indices: Vec::new() });
            }
            let batch = &mut self.batches[self.used];
            batch.source = source;
            batch.vertices.clear();
            batch.indices.clear();
            self.used += 1;
        }
        let batch = &mut self.batches[self.used - 1];
        let first = batch.vertices.len() as u16;
        (batch, first)
    }

    /// A four-cornered piece of `source`: its corners go round, each with its place in the source
    /// and its colour.
    pub fn quad(&mut self, source: Source, corners: [(Vec2, Vec2, Color); 4]) {
        let (batch, first) = self.room(source, 4, 6);
        batch.vertices.extend(corners.map(|(at, place, colour)| vertex(at, place, colour)));
        batch.indices.extend([0, 1, 2, 0, 2, 3].map(|corner| first + corner));
    }
}

/// A corner at `at` that shows `place` of its source, tinted.
pub fn vertex(at: Vec2, place: Vec2, colour: Color) -> Vertex {
    Vertex::new(at.x, at.y, 0.0, place.x, place.y, colour)
}

/// The corners of an upright rectangle, in order.
pub fn corners_of(from: Vec2, to: Vec2) -> [Vec2; 4] {
    [from, vec2(to.x, from.y), to, vec2(from.x, to.y)]
}
