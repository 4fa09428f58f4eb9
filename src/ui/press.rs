//! Prints sheets: the one place that talks to the graphics card.
use std::collections::BTreeMap;

use macroquad::{
    camera::{Camera2D, set_camera, set_default_camera},
    material::{Material, MaterialParams, gl_use_default_material, gl_use_material, load_material},
    math::vec2,
    miniquad::{PipelineParams, ShaderSource},
    models::{Mesh, draw_mesh},
    texture::{FilterMode, RenderTarget, Texture2D, render_target},
    window::clear_background,
};

use super::{
    draw::Studio,
    palette::NIGHT,
    sheet::{Batch, Sheet, Source},
};

/// Draws a texture as it is.
const VERTEX: &str = "#version 100
attribute vec3 position;
attribute vec2 texcoord;
attribute vec4 color0;
varying vec2 uv;
uniform mat4 Model;
uniform mat4 Projection;
void main() {
    gl_Position = Projection * Model * vec4(position, 1);
    uv = texcoord;
}";
const FRAGMENT: &str = "#version 100
precision mediump float;
varying vec2 uv;
uniform sampler2D Texture;
void main() {
    gl_FragColor = vec4(texture2D(Texture, uv).rgb, 1.0);
}";

/// What lies on the graphics card.
#[derive(Default)]
pub struct Press {
    atlas: Option<Texture2D>,
    layers: BTreeMap<&'static str, (RenderTarget, (u32, u32))>,
    /// Covers what is below instead of blending with it. None where the system refuses it: then a
    /// layer is a little see-through at the edges within it.
    opaque: Option<Material>,
}

impl Press {
    /// A press. To be called with a window open.
    pub fn new() -> Self {
        let shader = ShaderSource::Glsl { vertex: VERTEX, fragment: FRAGMENT };
        let params = MaterialParams {
            pipeline_params: PipelineParams { color_blend: None, ..Default::default() },
            ..Default::default()
        };
        let opaque = load_material(shader, params);
        if let Err(error) = &opaque {
            tracing::warn!(%error, "layers are blended: the graphics card refuses a shader");
        }
        Self { opaque: opaque.ok(), ..Self::default() }
    }

    /// Prints everything that was drawn in this frame.
    pub fn print(&mut self, studio: &Studio) {
        let mut atlas = studio.atlas.borrow_mut();
        let side = atlas.side();
        if let Some(pixels) = atlas.take_changed() {
            let (width, height) = (pixels.width as u16, pixels.height as u16);
            match &self.atlas {
                Some(texture) if texture.width() == side => {
                    texture.update_from_bytes(width.into(), height.into(), &pixels.bytes);
                }
                _ => {
                    let texture = Texture2D::from_rgba8(width, height, &pixels.bytes);
                    texture.set_filter(FilterMode::Linear);
                    self.atlas = Some(texture);
                }
            }
        }
        for (name, layer) in studio.layers.borrow_mut().iter_mut() {
            let Some(mut fresh) = layer.fresh.take() else { continue };
            let (width, height) = layer.size;
            let (target, _) = match self.layers.remove(name) {
                Some(kept) if kept.1 == layer.size => kept,
                _ => {
                    // A layer is shown pixel by pixel, so nothing has to be smoothed.
                    let target = render_target(width, height);
                    target.texture.set_filter(FilterMode::Nearest);
                    (target, layer.size)
                }
            };
            let size = vec2(width as f32, height as f32);
            set_camera(&Camera2D {
                target: size / 2.0,
                zoom: 2.0 / size,
                render_target: Some(target.clone()),
                ..Camera2D::default()
            });
            clear_background(NIGHT);
            self.lay(&mut fresh, side);
            set_default_camera();
            self.layers.insert(name, (target, layer.size));
        }
        self.lay(&mut studio.sheet.borrow_mut(), side);
    }

    fn lay(&self, sheet: &mut Sheet, side: f32) {
        for batch in sheet.batches_mut() {
            match batch.source {
                Source::Atlas => {
                    batch.vertices.iter_mut().for_each(|vertex| vertex.uv /= side);
                    draw(batch, self.atlas.clone());
                }
                Source::Layer(name) => {
                    let Some((target, _)) = self.layers.get(name) else { continue };
                    if let Some(opaque) = &self.opaque {
                        gl_use_material(opaque);
                    }
                    draw(batch, Some(target.texture.clone()));
                    gl_use_default_material();
                }
            }
        }
    }
}

fn draw(batch: &mut Batch, texture: Option<Texture2D>) {
    let mesh = Mesh {
        vertices: std::mem::take(&mut batch.vertices),
        indices: std::mem::take(&mut batch.indices),
        texture,
    };
    draw_mesh(&mesh);
    (batch.vertices, batch.indices) = (mesh.vertices, mesh.indices);
}
