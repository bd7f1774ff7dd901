// Pictures as numbers: decoded, turned grey, scaled. Nothing here touches the page.

/** The pixels of a picture file, as the file has them: no profile of colours is applied. */
export async function pixels(blob) {
  const bitmap = await createImageBitmap(blob, {
    colorSpaceConversion: 'none',
    imageOrientation: 'from-image',
    premultiplyAlpha: 'none',
  });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  let image = context.getImageData(0, 0, canvas.width, canvas.height);
  // A canvas keeps colours multiplied by their opacity, and cannot give them back exactly.
  if (image.data.some((value, place) => place % 4 === 3 && value < 255)) image = straight(bitmap) ?? image;
  bitmap.close();
  return image;
}

/** The pixels of a picture that is transparent in part; null where there is no WebGL. */
function straight(bitmap) {
  const gl = new OffscreenCanvas(1, 1).getContext('webgl');
  if (!gl) return null;
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
  gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, gl.getParameter(gl.TEXTURE_BINDING_2D), 0);
  if (gl.checkFramebufferStatus(gl.FRAMEBUFFER) !== gl.FRAMEBUFFER_COMPLETE) return null;
  const found = new ImageData(bitmap.width, bitmap.height);
  gl.readPixels(0, 0, bitmap.width, bitmap.height, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(found.data.buffer));
  return found;
}

/** One grey value a pixel, in the whole numbers that Pillow computes. */
export function greys(data) {
  const found = new Uint8Array(data.length / 4);
  for (let place = 0; place < found.length; place += 1) {
    const at = 4 * place;
    found[place] = (data[at] * 19595 + data[at + 1] * 38470 + data[at + 2] * 7471 + 0x8000) >> 16;
  }
  return found;
}

/** Another size: each pixel the mean of what it covers, or a blend of its neighbours. */
export function scaled(image, width, height) {
  if (image.width === width && image.height === height) return image;
  const across = weights(image.width, width);
  const down = weights(image.height, height);
  const middle = new Float32Array(4 * width * image.height);
  for (let y = 0; y < image.height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const { first, shares } = across[x];
      for (let c = 0; c < 4; c += 1) {
        let sum = 0;
        for (let k = 0; k < shares.length; k += 1) sum += shares[k] * image.data[4 * (y * image.width + first + k) + c];
        middle[4 * (y * width + x) + c] = sum;
      }
    }
  }
  const found = new ImageData(width, height);
  for (let y = 0; y < height; y += 1) {
    const { first, shares } = down[y];
    for (let x = 0; x < 4 * width; x += 1) {
      let sum = 0;
      for (let k = 0; k < shares.length; k += 1) sum += shares[k] * middle[4 * width * (first + k) + x];
      found.data[4 * width * y + x] = Math.round(sum);
    }
  }
  return found;
}

/** A triangle as wide as a pixel of the result: what Pillow's antialiased `bilinear` does. */
function weights(from, to) {
  const ratio = from / to;
  const reach = Math.max(1, ratio);
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * ratio;
    const first = Math.max(0, Math.floor(centre - reach + 0.5));
    const end = Math.min(from, Math.floor(centre + reach + 0.5));
    const shares = [];
    for (let k = first; k < end; k += 1) shares.push(Math.max(0, 1 - Math.abs((k + 0.5 - centre) / reach)));
    const sum = shares.reduce((a, b) => a + b, 0);
    return { first, shares: shares.map((share) => share / sum) };
  });
}

/** What is drawn, cut out and put in the middle with a margin of a seventh. */
export function boxed(image, dark, aspect) {
  let [left, top, right, bottom] = [image.width, image.height, -1, -1];
  for (let y = 0; y < image.height; y += 1) {
    for (let x = 0; x < image.width; x += 1) {
      const value = image.data[4 * (y * image.width + x)];
      if (dark ? value < 64 : value > 191) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    }
  }
  if (right < 0) return image;
  const [w, h] = [right - left + 1, bottom - top + 1];
  const height = Math.ceil((Math.max(h, w / aspect) * 7) / 5);
  const width = Math.ceil(height * aspect);
  const found = new ImageData(width, height);
  found.data.fill(dark ? 0 : 255);
  for (let place = 3; place < found.data.length; place += 4) found.data[place] = 255;
  const [x0, y0] = [Math.floor((width - w) / 2), Math.floor((height - h) / 2)];
  for (let y = 0; y < h; y += 1) {
    const start = 4 * ((top + y) * image.width + left);
    found.data.set(image.data.subarray(start, start + 4 * w), 4 * ((y0 + y) * width + x0));
  }
  return found;
}
