"use strict";
// Draws the scenes that the page holds. Each scene is laid out once, with all of its blocks
// folded; where one is unfolded, what lies below moves down and what lies right moves right.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const NS = "http://www.w3.org/2000/svg";
  const MARGIN = 24, FOOT = 12, ROUND = 5, BAND = 900, MOST = 4000;
  const stage = document.getElementById("stage");
  const net = document.getElementById("net");
  const details = document.getElementById("details");
  const search = document.getElementById("search");
  const found = document.getElementById("found");

  // ── the tree of what is unfolded ──────────────────────────────────────────

  // One appearance of a scene. `open` holds the appearances inside it, by number of the box.
  const appearance = (scene, prefix, parent, at) =>
    ({ scene: data.scenes[scene], name: scene, prefix, parent, at, open: new Map() });
  const root = appearance(data.main, "", null, -1);

  const pathOf = (inst, i) => inst.prefix + inst.scene.boxes[i].k;
  // The calls of a run stand one level deeper in the drawing, but not in their names.
  const inner = (inst, i) => {
    const box = inst.scene.boxes[i];
    return appearance(box.g, box.run ? inst.prefix : `${pathOf(inst, i)}.`, inst, i);
  };
  const unfold = (inst, i) => {
    if (!inst.open.has(i)) inst.open.set(i, inner(inst, i));
    return inst.open.get(i);
  };

  // ── places ────────────────────────────────────────────────────────────────

  // The size of a scene with what is unfolded in it, and how it moves its parts.
  function measure(inst) {
    const s = inst.scene;
    const grown = new Map();
    const extra = new Float64Array(s.rows.length);
    for (const [i, child] of inst.open) {
      const size = measure(child), box = s.boxes[i];
      const wide = Math.max(size.w + 2 * data.frame, box.w);
      const anchor = child.scene.ins.length ? size.at(child.scene.ins[0][1]) : size.w / 2;
      const foot = size.outs.some(([n, x]) => Math.abs(x - anchor - (box.outs[n] || 0)) > 0.5) ? FOOT : 0;
      const left = (wide - size.w) / 2 + anchor;
      const tall = box.head + size.h + foot;
      grown.set(i, { size, wide, tall, left, foot, body: (wide - size.w) / 2 });
      const [top, bottom] = s.rows[box.r];
      extra[box.r] = Math.max(extra[box.r], tall + (box.shade || 0) / 2 - (bottom - top));
    }
    const downTo = new Float64Array(s.rows.length + 1);
    for (let r = 0; r < s.rows.length; r++) downTo[r + 1] = downTo[r] + extra[r];

    const right = widen(s, grown);
    const down = (y) => {
      let low = 0, high = s.rows.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (s.rows[middle][1] < y) low = middle + 1; else high = middle;
      }
      return y + downTo[low];
    };
    const at = (x) => x + right(x);
    const size = { grown, at, down, downTo, w: s.w + right(Infinity), h: s.h + downTo[s.rows.length] };
    size.outs = s.outs.map(([name, x]) => [name, at(x)]);
    inst.size = size;
    return size;
  }

  // How far things move to the right: never less than what stands left of them does, so that
  // no two boxes meet and what was straight stays straight.
  function widen(s, grown) {
    const frames = [...grown].map(([i, g]) => {
      const box = s.boxes[i], x = box.x + box.a;
      return { x, low: x - box.a, high: x + box.w - box.a,
        left: Math.max(0, g.left - box.a), right: Math.max(0, g.wide - g.left - (box.w - box.a)) };
    }).sort((a, b) => a.x - b.x);
    const steps = [];
    const before = (x) => {
      let most = 0;
      for (const step of steps) if (step.x <= x && step.by > most) most = step.by;
      return most;
    };
    for (let i = 0; i < frames.length;) {
      let end = i, by = before(frames[i].x);
      while (end < frames.length && frames[end].x === frames[i].x) {
        by = Math.max(by, before(frames[end].low) + frames[end].left);
        end++;
      }
      steps.push({ x: frames[i].x, by });
      for (; i < end; i++) steps.push({ x: frames[i].high, by: by + frames[i].right });
    }
    steps.sort((a, b) => a.x - b.x || a.by - b.by);
    const xs = [], most = [];
    for (const step of steps) {
      xs.push(step.x);
      most.push(Math.max(step.by, most.length ? most[most.length - 1] : 0));
    }
    return (x) => {
      let low = 0, high = xs.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (xs[middle] <= x) low = middle + 1; else high = middle;
      }
      return low ? most[low - 1] : 0;
    };
  }

  // The corner and size of a box, unfolded or not, in its scene.
  function boxPlace(inst, i) {
    const box = inst.scene.boxes[i], g = inst.size.grown.get(i);
    const anchor = inst.size.at(box.x + box.a), top = inst.size.downTo[box.r];
    if (!g) return { x: anchor - box.a, y: box.y + top, w: box.w, h: box.h, anchor };
    return { x: anchor - g.left, y: inst.scene.rows[box.r][0] + top, w: g.wide, h: g.tall, anchor };
  }

  function linePoints(inst, line) {
    const [from, to, , branch, flat] = line;
    const s = inst.scene, size = inst.size;
    const points = [];
    for (let i = 0; i < flat.length; i += 2) points.push([size.at(flat[i]), size.down(flat[i + 1])]);
    const n = points.length - 1, flatY = flat[flat.length - 1];
    // Both ends stay with their boxes, and so do the vertical parts that lead to them.
    const target = s.boxes[to], end = boxPlace(inst, to);
    const sideways = flat[flat.length - 1] === flat[flat.length - 3];
    if (sideways) {
      points[n] = [end.anchor + flat[flat.length - 2] - target.x - target.a, end.y + flatY - target.y];
      points[n - 1][1] = points[n][1];
    } else {
      points[n] = [end.anchor + flat[flat.length - 2] - target.x - target.a, end.y];
    }
    if (!branch) {
      const source = s.boxes[from], start = boxPlace(inst, from);
      points[0] = [start.anchor + flat[0] - source.x - source.a, start.y + start.h];
    }
    if (n === 1 && !sideways) {
      if (Math.abs(points[0][0] - points[1][0]) > 0.5) {
        const middle = (points[0][1] + points[1][1]) / 2;
        points.splice(1, 0, [points[0][0], middle], [points[1][0], middle]);
      }
      return points;
    }
    points[1][0] = points[0][0];
    if (!sideways) points[n - 1][0] = points[n][0];
    return points;
  }

  // ── shapes ────────────────────────────────────────────────────────────────

  const make = (tag, attributes, children) => {
    const element = document.createElementNS(NS, tag);
    for (const name in attributes) element.setAttribute(name, attributes[name]);
    for (const child of children || []) element.append(child);
    return element;
  };
  const short = (v) => Math.round(v * 10) / 10;

  function pathText(points) {
    const toward = (a, b, far) => {
      const whole = Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]);
      const part = whole ? Math.min(far / whole, 0.5) : 0;
      return [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part];
    };
    let text = `M${short(points[0][0])} ${short(points[0][1])}`;
    for (let i = 1; i < points.length - 1; i++) {
      const here = points[i];
      const near = toward(here, points[i - 1], ROUND), far = toward(here, points[i + 1], ROUND);
      text += `L${short(near[0])} ${short(near[1])}Q${short(here[0])} ${short(here[1])} ${short(far[0])} ${short(far[1])}`;
    }
    const last = points[points.length - 1];
    return `${text}L${short(last[0])} ${short(last[1])}`;
  }

  function arrowText(points) {
    const [x, y] = points[points.length - 1], [ax, ay] = points[points.length - 2];
    if (x === ax || Math.abs(y - ay) > Math.abs(x - ax)) {
      return `M${short(x)} ${short(y)}l-3.5 ${y > ay ? -7 : 7}h7Z`;
    }
    return `M${short(x)} ${short(y)}l${x > ax ? -7 : 7} -3.5v7Z`;
  }

  // The shapes of a folded box were drawn by the compiler, which escaped their words.
  const parser = new DOMParser();
  const templates = new Map();
  function template(box) {
    let known = templates.get(box);
    if (!known) {
      const parsed = parser.parseFromString(`<svg xmlns="${NS}">${box.svg}</svg>`, "image/svg+xml");
      known = [...parsed.documentElement.childNodes].map((node) => document.importNode(node, true));
      templates.set(box, known);
    }
    return known.map((node) => node.cloneNode(true));
  }

  function textElement(anchor, x, y, words) {
    const element = make("text", { x, y, class: words[0][1] });
    if (anchor !== "start") element.setAttribute("text-anchor", anchor);
    element.append(words[0][0]);
    for (const [word, style] of words.slice(1)) {
      const span = make("tspan", { class: style });
      span.textContent = `\u00a0${word}`;
      element.append(span);
    }
    return element;
  }

  function frameShapes(box, place, g) {
    const { w, h } = place, r = 8, shapes = [];
    for (const d of box.shade ? [box.shade, box.shade / 2] : []) {
      shapes.push(make("rect", { class: "shade", x: d, y: d, width: w, height: h, rx: r }));
    }
    shapes.push(make("rect", { class: "body", width: w, height: h, rx: r }));
    shapes.push(make("path", { class: "head", d: `M0 ${box.head}V${r}Q0 0 ${r} 0H${w - r}Q${w} 0 ${w} ${r}V${box.head}Z` }));
    shapes.push(make("rect", { class: `outline${box.again ? " again" : ""}`, width: w, height: h, rx: r }));
    for (const [anchor, y, words] of box.words) {
      shapes.push(textElement(anchor, anchor === "end" ? w - 9 : 9, y, words));
    }
    for (const [name, x] of g.foot ? g.size.outs : []) {
      const inside = g.body + x, outside = place.anchor - place.x + (box.outs[name] || 0);
      const top = h - FOOT, middle = h - FOOT / 2;
      shapes.push(make("path", { class: "wire",
        d: pathText([[inside, top], [inside, middle], [outside, middle], [outside, h]]) }));
    }
    return shapes;
  }

  // ── drawing what is in sight ──────────────────────────────────────────────

  let items = [], bands = new Map(), shown = new Set(), layers = [], width = 0, height = 0, zoom = 1;
  let picked = null;          // {inst, i}
  const elements = new Map(); // "path of the appearance" -> element in sight

  const same = (a, b) => a && b && a.inst === b.inst && a.i === b.i;
  const add = (layer, y0, y1, draw) => {
    const item = { layer, y0, y1, draw, element: null };
    items.push(item);
    for (let b = Math.floor(y0 / BAND); b <= Math.floor(y1 / BAND); b++) {
      if (!bands.has(b)) bands.set(b, []);
      bands.get(b).push(item);
    }
  };

  function lay() {
    items = []; bands = new Map(); shown = new Set();
    const size = measure(root);
    width = size.w + 2 * MARGIN; height = size.h + 2 * MARGIN;
    net.replaceChildren();
    layers = [];
    elements.clear();
    scene(root, MARGIN, MARGIN, 0);
    net.setAttribute("viewBox", `0 0 ${width} ${height}`);
    scale();
  }

  function scene(inst, x, y, depth) {
    inst.x = x; inst.y = y;
    while (layers.length < 2 * depth + 2) layers.push(net.appendChild(make("g", {})));
    const s = inst.scene;
    for (const line of s.lines) {
      const points = linePoints(inst, line).map(([a, b]) => [a + x, b + y]);
      const ys = points.map((p) => p[1]);
      add(2 * depth, Math.min(...ys), Math.max(...ys), () => {
        const group = make("g", {}, [make("path", { class: "wire", d: pathText(points) })]);
        if (line[2]) group.append(make("path", { class: "arrow", d: arrowText(points) }));
        return group;
      });
    }
    for (const [tx, ty, text, style, at] of s.texts) {
      const box = s.boxes[at], place = boxPlace(inst, at);
      const left = x + place.anchor + tx - box.x - box.a;
      const top = y + (ty > box.y + box.h / 2 || !box.h && ty > box.y
        ? place.y + place.h + ty - box.y - box.h : place.y + ty - box.y);
      add(2 * depth, top - 12, top + 4, () => textElement("start", short(left), short(top), [[text, style]]));
    }
    s.boxes.forEach((box, i) => {
      if (!box.svg) return;
      const place = boxPlace(inst, i);
      add(2 * depth + 1, y + place.y, y + place.y + place.h, () => boxElement(inst, i, place));
    });
    for (const [i, child] of inst.open) {
      const place = boxPlace(inst, i), g = inst.size.grown.get(i);
      scene(child, x + place.x + g.body, y + place.y + s.boxes[i].head, depth + 1);
    }
  }

  function boxElement(inst, i, place) {
    const box = inst.scene.boxes[i], open = inst.open.has(i);
    const group = make("g", { class: "box", transform: `translate(${short(inst.x + place.x)} ${short(inst.y + place.y)})`,
      role: "button", tabindex: same(picked, { inst, i }) ? 0 : -1, "aria-label": box.label });
    group.append(...(open ? frameShapes(box, place, inst.size.grown.get(i)) : template(box)));
    const round = box.t === "sign" || box.t === "input" || box.t === "output" ? place.h / 2 : open ? 8 : 5;
    group.append(make("rect", { class: "ring", x: -3, y: -3, width: place.w + 6, height: place.h + 6, rx: round + 3 }));
    if (box.g) {
      group.setAttribute("aria-expanded", String(open));
      const x = place.w - 1;
      group.append(make("circle", { class: "knob", cx: x, cy: 1, r: 7 }));
      group.append(make("path", { class: "fold", d: `M${x - 3.5} 1h7${open ? "" : `M${x} -2.5v7`}` }));
    }
    group.addEventListener("click", (event) => {
      const part = Number(partOf(event.target, group));
      pick(inst, i, { part });
      // The head of a frame folds it; its body is only paper.
      if (box.g && (!open || ["head", "knob", "fold"].some((name) => event.target.classList.contains(name)))) toggle(inst, i);
    });
    if (same(picked, { inst, i }) && !picked.unseen) group.classList.add("picked");
    elements.set(`${inst.name}|${pathOf(inst, i)}`, group);
    return group;
  }

  function partOf(target, group) {
    const node = target.getAttribute && target.getAttribute("data-node");
    if (node === null || node === undefined) return -1;
    return [...group.querySelectorAll("[data-node]")].indexOf(target);
  }

  function render() {
    const top = stage.scrollTop / zoom - 500, bottom = (stage.scrollTop + stage.clientHeight) / zoom + 500;
    const wanted = new Set();
    for (let b = Math.floor(top / BAND); b <= Math.floor(bottom / BAND); b++) {
      for (const item of bands.get(b) || []) {
        if (item.y1 >= top && item.y0 <= bottom) wanted.add(item);
      }
    }
    const focused = document.activeElement;
    for (const item of shown) {
      if (!wanted.has(item) && item.element !== focused) { item.element.remove(); item.element = null; shown.delete(item); }
    }
    for (const item of wanted) {
      if (!item.element) { item.element = item.draw(); layers[item.layer].append(item.element); shown.add(item); }
    }
  }

  function scale() {
    net.setAttribute("width", Math.ceil(width * zoom));
    net.setAttribute("height", Math.ceil(height * zoom));
    document.getElementById("fit").textContent = `${Math.round(zoom * 100)}%`;
    render();
  }

  function setZoom(next, keep) {
    const old = zoom, rect = stage.getBoundingClientRect();
    const [cx, cy] = keep || [rect.width / 2, rect.height / 2];
    const x = (stage.scrollLeft + cx) / old, y = (stage.scrollTop + cy) / old;
    zoom = Math.min(4, Math.max(0.05, next));
    scale();
    stage.scrollLeft = x * zoom - cx;
    stage.scrollTop = y * zoom - cy;
    render();
  }

  // ── folding and picking ───────────────────────────────────────────────────

  // Lays the drawing out anew, with one box kept where it is on the screen.
  function relay(inst, i) {
    const before = screenPlace(inst, i);
    lay();
    const after = screenPlace(inst, i);
    stage.scrollTop += after[1] - before[1];
    stage.scrollLeft += after[0] - before[0];
    render();
  }
  function screenPlace(inst, i) {
    const place = boxPlace(inst, i);
    return [(inst.x + place.anchor) * zoom, (inst.y + place.y) * zoom];
  }

  function toggle(inst, i) {
    if (!inst.scene.boxes[i].g) return;
    if (inst.open.has(i)) inst.open.delete(i); else unfold(inst, i);
    relay(inst, i);
    focusPicked();
  }

  function pick(inst, i, { part = -1, focus = true } = {}) {
    const old = picked && elements.get(`${picked.inst.name}|${pathOf(picked.inst, picked.i)}`);
    if (old) { old.classList.remove("picked"); old.setAttribute("tabindex", "-1"); }
    picked = { inst, i };
    const element = elements.get(`${inst.name}|${pathOf(inst, i)}`);
    if (element) { element.classList.add("picked"); element.setAttribute("tabindex", "0"); }
    if (focus) focusPicked();
    tell(inst, i, part);
  }

  function focusPicked() {
    if (!picked) return;
    const { inst, i } = picked;
    const place = boxPlace(inst, i);
    const top = (inst.y + place.y) * zoom, left = (inst.x + place.x) * zoom;
    const tall = Math.min(place.h * zoom, stage.clientHeight * 0.6), wide = Math.min(place.w * zoom, stage.clientWidth * 0.8);
    if (top < stage.scrollTop + 8) stage.scrollTop = top - 40;
    else if (top + tall > stage.scrollTop + stage.clientHeight) stage.scrollTop = top + tall + 40 - stage.clientHeight;
    if (left < stage.scrollLeft) stage.scrollLeft = left - 20;
    else if (left + wide > stage.scrollLeft + stage.clientWidth) stage.scrollLeft = left + wide + 20 - stage.clientWidth;
    render();
    const element = elements.get(`${inst.name}|${pathOf(inst, i)}`);
    if (element && element.isConnected) element.focus({ preventScroll: true });
  }

  const reachable = (inst) => inst.scene.boxes.map((_, i) => i).filter((i) => inst.scene.boxes[i].svg);

  function step(by) {
    if (!picked || picked.unseen) { const [first] = reachable(root); if (first !== undefined) pick(root, first); return; }
    const all = reachable(picked.inst), at = all.indexOf(picked.i) + by;
    if (at >= 0 && at < all.length) pick(picked.inst, all[at]);
    else if (picked.inst.parent) pick(picked.inst.parent, picked.inst.at);
  }

  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const box = picked && picked.inst.scene.boxes[picked.i];
    const open = picked && picked.inst.open.has(picked.i);
    const keys = {
      ArrowDown: () => step(1),
      ArrowUp: () => step(-1),
      ArrowRight: () => {
        if (!box || !box.g) return;
        if (!open) { toggle(picked.inst, picked.i); return; }
        const child = picked.inst.open.get(picked.i), [first] = reachable(child);
        if (first !== undefined) pick(child, first);
      },
      ArrowLeft: () => {
        if (!picked) return;
        if (open) toggle(picked.inst, picked.i);
        else if (picked.inst.parent) pick(picked.inst.parent, picked.inst.at);
      },
      Enter: () => { if (box && box.g) toggle(picked.inst, picked.i); },
      " ": () => { if (box && box.g) toggle(picked.inst, picked.i); },
      Home: () => { const [first] = reachable(root); if (first !== undefined) pick(root, first); },
      End: () => { const all = reachable(root); if (all.length) pick(root, all[all.length - 1]); },
      "+": () => more(),
      "-": () => less(),
    };
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) { event.preventDefault(); search.focus(); }
  });

  function more() {
    let count = 0;
    const wave = (inst) => {
      const inside = [...inst.open.values()];
      inst.scene.boxes.forEach((box, i) => {
        if (box.g && !inst.open.has(i) && count < MOST) { count += data.scenes[box.g].boxes.length; unfold(inst, i); }
      });
      inside.forEach(wave);
    };
    wave(root);
    lay();
  }
  function less() {
    root.open.clear();
    let { inst, i } = picked || { inst: root, i: -1 };
    while (inst.parent) ({ parent: inst, at: i } = inst);
    picked = i >= 0 ? { inst, i } : null;
    lay();
    if (picked) { tell(inst, i, -1); focusPicked(); }
  }

  // ── details ───────────────────────────────────────────────────────────────

  const html = (tag, text, name) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (name) element.className = name;
    return element;
  };

  function tell(inst, i, part) {
    const box = inst.scene.boxes[i];
    details.replaceChildren();
    box.about.forEach((about, n) => {
      const section = html("section", undefined, box.about.length > 1 && n === part ? "part" : "");
      const title = html(n ? "h3" : "h2", `${about.name} `);
      if (about.kind !== about.name) title.append(html("span", about.kind, "kind"));
      section.append(title);
      const full = box.t === "input" || box.t === "output" ? "" : inst.prefix + about.name;
      if (inst.prefix && full) section.append(html("p", full, "path"));
      const table = html("table");
      for (const [key, value] of about.rows) {
        const row = html("tr"), head = html("th", key);
        head.scope = "row";
        row.append(head, html("td", value));
        table.append(row);
      }
      section.append(table);
      if (about.place) section.append(html("p", about.place, "place"), html("pre", about.source));
      details.append(section);
    });
    const chosen = details.querySelector(".part");
    if (chosen) chosen.scrollIntoView({ block: "nearest" }); else details.scrollTop = 0;
  }

  function help() {
    details.replaceChildren(html("h2", "Details"), html("p", "Choose a layer to see its arguments, shapes, parameters and cost; choose a block to unfold it.", "path"));
    if (data.targets.length) {
      details.append(html("h3", "Targets"));
      const table = html("table");
      for (const [name, type] of data.targets) {
        const row = html("tr");
        row.append(html("th", name), html("td", type));
        table.append(row);
      }
      details.append(table);
    }
    details.append(html("h3", "Colours"));
    const colours = html("dl");
    for (const family of data.families) {
      const swatch = html("dt");
      const icon = make("svg", { class: "swatch", viewBox: "0 0 22 13" }, [
        make("rect", { class: `f-${family}`, x: 1, y: 1, width: 20, height: 11, rx: 2 }),
        make("rect", { class: `frame s-${family}`, x: 1, y: 1, width: 20, height: 11, rx: 2 })]);
      icon.setAttribute("aria-hidden", "true");
      swatch.append(icon);
      colours.append(swatch, html("dd", family));
    }
    details.append(colours, html("h3", "Keys"));
    const keys = html("dl");
    for (const [key, what] of [["↓ ↑", "next and previous layer"], ["→ ←", "unfold or enter, fold or leave"], ["Enter", "fold or unfold"], ["/", "find"], ["+ −", "unfold a level, fold all"], ["Ctrl wheel", "zoom"]]) {
      const term = html("dt");
      term.append(html("kbd", key));
      keys.append(term, html("dd", what));
    }
    details.append(keys);
  }

  // ── search ────────────────────────────────────────────────────────────────

  // Everything that can be unfolded, one after another: a large network is never spread out.
  function* everything(prefix, name, trail) {
    const s = data.scenes[name];
    for (let i = 0; i < s.boxes.length; i++) {
      const box = s.boxes[i];
      if (!box.svg) continue;
      for (let n = 0; n < box.about.length; n++) {
        const about = box.about[n];
        yield { path: prefix + about.name, kind: about.kind, trail: [...trail, i], part: n };
      }
      if (box.g) yield* everything(box.run ? prefix : `${prefix}${box.k}.`, box.g, [...trail, i]);
    }
  }

  let hits = [], chosen = -1;
  function find() {
    const words = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    hits = []; chosen = -1;
    if (words.length) {
      let looked = 0;
      for (const entry of everything("", data.main, [])) {
        const text = `${entry.path} ${entry.kind}`.toLowerCase();
        if (words.every((word) => text.includes(word))) hits.push(entry);
        if (hits.length >= 50 || ++looked > 300000) break;
      }
    }
    found.replaceChildren(...hits.map((hit, n) => {
      const item = html("li", hit.path);
      item.id = `hit${n}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      if (!hit.path.endsWith(hit.kind)) item.append(html("span", hit.kind));
      item.addEventListener("mousedown", (event) => { event.preventDefault(); go(hit); });
      return item;
    }));
    if (words.length && !hits.length) found.append(html("li", "nothing found"));
    found.hidden = !words.length;
    search.setAttribute("aria-expanded", String(!found.hidden));
    choose(hits.length ? 0 : -1);
  }
  function choose(n) {
    const list = [...found.children];
    if (list[chosen]) list[chosen].setAttribute("aria-selected", "false");
    chosen = n;
    if (list[n] && hits[n]) {
      list[n].setAttribute("aria-selected", "true");
      list[n].scrollIntoView({ block: "nearest" });
      search.setAttribute("aria-activedescendant", `hit${n}`);
    } else search.removeAttribute("aria-activedescendant");
  }
  function go(hit) {
    let inst = root;
    hit.trail.slice(0, -1).forEach((i) => { inst = unfold(inst, i); });
    found.hidden = true;
    search.setAttribute("aria-expanded", "false");
    lay();
    pick(inst, hit.trail[hit.trail.length - 1], { part: hit.part });
  }
  search.addEventListener("input", find);
  search.addEventListener("focus", () => { if (search.value) find(); });
  search.addEventListener("blur", () => { found.hidden = true; });
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (hits.length) choose((chosen + (event.key === "ArrowDown" ? 1 : hits.length - 1)) % hits.length);
    } else if (event.key === "Enter" && hits[chosen]) go(hits[chosen]);
    else if (event.key === "Escape") { search.value = ""; find(); stage.focus(); }
  });

  // ── the rest of the page ──────────────────────────────────────────────────

  let waiting = false;
  const soon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; render(); });
  };
  stage.addEventListener("scroll", soon);
  window.addEventListener("resize", soon);
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const rect = stage.getBoundingClientRect();
    setZoom(zoom * Math.exp(-event.deltaY / 300), [event.clientX - rect.left, event.clientY - rect.top]);
  }, { passive: false });
  document.getElementById("in").addEventListener("click", () => setZoom(zoom * 1.25));
  document.getElementById("out").addEventListener("click", () => setZoom(zoom / 1.25));
  document.getElementById("fit").addEventListener("click", () => {
    const whole = Math.min(1, (stage.clientWidth - 4) / width);
    setZoom(Math.abs(zoom - whole) < 0.001 ? 1 : whole);
  });
  document.getElementById("more").addEventListener("click", more);
  document.getElementById("less").addEventListener("click", less);
  window.addEventListener("beforeprint", () => { for (const item of items) if (!item.element) { item.element = item.draw(); layers[item.layer].append(item.element); shown.add(item); } });

  const begin = (inst, depth) => {
    if (depth <= 0) return;
    inst.scene.boxes.forEach((box, i) => { if (box.g) begin(unfold(inst, i), box.run ? depth : depth - 1); });
  };
  begin(root, data.depth);
  help();
  lay();
  const [first] = reachable(root);
  // The first box can be reached by the keyboard, and is not marked until it is.
  if (first !== undefined) { picked = { inst: root, i: first, unseen: true }; lay(); }
  const narrow = (stage.clientWidth - 4) / width;
  if (narrow < 1 && narrow > 0.45) { zoom = narrow; scale(); }
})();
