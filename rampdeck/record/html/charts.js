/* The timeline: charts over one axis of time, lanes of what happened above them, one read-out for all. */
(function () {
  "use strict";
  const home = document.getElementById("charts");
  const node = document.getElementById("data");
  if (!home || !node || typeof uPlot === "undefined") return;
  const data = JSON.parse(node.textContent);
  if (!data.charts.length || data.count < 2) return;

  const LEFT = 56, RIGHT = 14, HEIGHT = 92, FOOT = 28;
  const GLYPHS = { finding: "▲", mark: "◆", breach: "✖", warned: "▲", blind: "○", step: "" };
  const VERDICTS = { PASS: "●", FAIL: "✖", INCONCLUSIVE: "▲" };
  const INCREMENTS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const ends = [0, (data.count - 1) * data.width];
  const seconds = Array.from({ length: data.count }, (_, place) => place * data.width);
  const dpr = () => window.devicePixelRatio || 1;
  const plots = [];

  function element(name, kind, text) {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    if (text !== undefined) made.textContent = text;
    return made;
  }
  let colours = {};
  function colour(name) {
    return (colours[name] ??= getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim());
  }

  /* --- how numbers and times are written: as in the tables --- */
  function number(value) {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    const digits = Number.isInteger(value) || size >= 100 ? 0 : size >= 10 ? 1 : 2;
    return value.toFixed(digits).replace(/\B(?=(\d{3})+$|(\d{3})+\.)/g, "\u2009");
  }
  function axisNumber(value) {
    if (Math.abs(value) >= 1e6) return value / 1e6 + " M";
    return Math.abs(value) >= 1e5 ? value / 1e3 + " k" : String(+value.toFixed(6)).replace(/^(-?\d+)(\d{3})$/, "$1\u2009$2");
  }
  const two = (value) => String(Math.floor(value)).padStart(2, "0");
  function clock(second, long) {
    const date = new Date((data.began + second) * 1000);
    const text = two(date.getUTCHours()) + ":" + two(date.getUTCMinutes());
    return long ? text + ":" + two(date.getUTCSeconds()) : text;
  }
  function watch(second) {
    const hours = Math.floor(second / 3600);
    return (hours ? hours + ":" : "") + two((second / 60) % 60) + ":" + two(second % 60);
  }

  /* --- what lies behind and over the lines --- */
  const lanes = (sort) => data.lanes.filter((lane) => lane.sort === sort);
  function behind(chart) {
    const blind = lanes("blind").filter(
      (lane) => chart.kind && (lane.name.startsWith(chart.kind + "@") || lane.name.startsWith(chart.kind + ":"))
    );
    return (u) => {
      const { ctx } = u, { left, top, width, height } = u.bbox;
      const at = (second) => Math.min(left + width, Math.max(left, u.valToPos(second, "x", true)));
      const shade = (from, to, fill) => {
        if (at(to) <= at(from)) return;
        ctx.fillStyle = fill;
        ctx.fillRect(at(from), top, at(to) - at(from), height);
      };
      ctx.save();
      for (const lane of lanes("step"))
        for (const [place, span] of lane.spans.entries()) {
          if (place % 2) shade(span.from, span.to, colour("band"));
          const measured = span.measured === null ? span.to : span.measured;
          shade(span.from, Math.min(measured, span.to), colour("ramp"));
        }
      for (const lane of blind) for (const span of lane.spans) hatch(ctx, at(span.from), at(span.to), top, height);
      ctx.restore();
    };
  }
  function hatch(ctx, from, to, top, height) {
    if (to <= from) return;
    ctx.save();
    ctx.beginPath();
    ctx.rect(from, top, to - from, height);
    ctx.clip();
    ctx.fillStyle = colour("blind-soft");
    ctx.fillRect(from, top, to - from, height);
    ctx.strokeStyle = colour("blind");
    ctx.globalAlpha = 0.55;
    ctx.lineWidth = dpr();
    ctx.beginPath();
    for (let x = from - height; x < to; x += 7 * dpr()) {
      ctx.moveTo(x, top + height);
      ctx.lineTo(x + height, top);
    }
    ctx.stroke();
    ctx.restore();
  }
  function over(chart) {
    return (u) => {
      const { ctx } = u, { left, top, width, height } = u.bbox, scale = dpr();
      ctx.save();
      ctx.beginPath();
      ctx.rect(left, top - 12 * scale, width, height + 12 * scale);
      ctx.clip();
      const upright = (second, stroke, dash) => {
        const x = Math.round(u.valToPos(second, "x", true)) + 0.5;
        ctx.strokeStyle = stroke;
        ctx.setLineDash(dash);
        ctx.lineWidth = scale;
        ctx.beginPath();
        ctx.moveTo(x, top);
        ctx.lineTo(x, top + height);
        ctx.stroke();
      };
      for (const lane of lanes("step")) for (const span of lane.spans) upright(span.from, colour("edge"), []);
      for (const lane of lanes("breach")) upright(lane.spans[0].from, colour("bad"), [2 * scale, 3 * scale]);
      for (const lane of lanes("finding"))
        for (const span of lane.spans) upright(span.from, colour("warn"), [2 * scale, 3 * scale]);
      for (const lane of lanes("mark"))
        for (const span of lane.spans) upright(span.from, colour("mark"), [2 * scale, 3 * scale]);
      ctx.font = 11 * scale + "px system-ui, sans-serif";
      ctx.textAlign = "right";
      for (const limit of chart.limits) {
        const y = Math.round(u.valToPos(limit.value, "y", true)) + 0.5;
        if (y < top - 1 || y > top + height + 1) continue;
        ctx.strokeStyle = ctx.fillStyle = colour("bad");
        ctx.setLineDash([6 * scale, 4 * scale]);
        ctx.beginPath();
        ctx.moveTo(left, y);
        ctx.lineTo(left + width, y);
        ctx.stroke();
        const base = y - 4 * scale > top + 6 * scale ? y - 4 * scale : y + 12 * scale;
        ctx.setLineDash([]);
        ctx.lineWidth = 4 * scale;
        ctx.strokeStyle = colour("card");
        ctx.strokeText(limit.text, left + width - 3 * scale, base);
        ctx.lineWidth = scale;
        ctx.fillText(limit.text, left + width - 3 * scale, base);
      }
      ctx.restore();
    };
  }

  /* --- one chart --- */
  function reach(chart) {
    return (u, low, high) => {
      let top = high === null || high === undefined ? 0 : high;
      for (const limit of chart.limits) if (limit.value < 4 * top || top === 0) top = Math.max(top, limit.value);
      if (chart.unit === "%" && chart.kind && top <= 100 && top > 40) return [0, 100];
      return [Math.min(0, low || 0), top > 0 ? top * 1.08 : 1];
    };
  }
  function points(tone) {
    return {
      show: false,
      size: 4,
      width: 0,
      stroke: () => colour(tone),
      fill: () => colour(tone),
      // A second between two gaps has no line: it is drawn as a point.
      filter: (u, place) => {
        const values = u.data[place], alone = [], [first, last] = u.series[0].idxs;
        for (let at = Math.max(0, first); at <= last; at++)
          if (values[at] !== null && (at === 0 || values[at - 1] === null)
              && (at === values.length - 1 || values[at + 1] === null)) alone.push(at);
        return alone.length ? alone : null;
      },
    };
  }
  function draw(chart, last) {
    const figure = element("figure", "chart");
    const head = element("figcaption");
    const title = element("b", "", chart.title);
    head.append(title);
    if (chart.unit) head.append(element("span", "muted", chart.unit));
    figure.append(head);
    home.append(figure);
    const series = [{}], columns = [seconds], bands = [];
    const filled = chart.lines.filter((line) => line.on).length === 1;
    for (const line of chart.lines) {
      line.place = series.length;
      series.push({
        label: line.name, show: line.on, width: 1.6, points: points(line.tone), stroke: () => colour(line.tone),
        fill: filled && line.on && !line.lo ? () => colour(line.tone) + "22" : undefined,
        paths: line.tone === "users" ? uPlot.paths.stepped({ align: 1 }) : undefined,
      });
      columns.push(line.v);
      if (!line.lo) continue;
      line.band = [series.length, series.length + 1];
      for (const side of [line.hi, line.lo]) {
        series.push({ label: "", show: line.on, width: 0, points: { show: false }, stroke: () => "transparent" });
        columns.push(side);
      }
      bands.push({ series: line.band, fill: () => colour(line.tone) + "33" });
    }
    const axis = { stroke: () => colour("muted"), grid: { stroke: () => colour("line"), width: 1 }, ticks: { show: false } };
    const plot = new uPlot({
      width: figure.clientWidth, height: HEIGHT + (last ? FOOT : 0), series, bands,
      padding: [8, RIGHT, 6, 0],
      legend: { show: false },
      scales: { x: { time: false }, y: { range: reach(chart) } },
      axes: [
        Object.assign({}, axis, {
          show: true, size: last ? FOOT : 0, gap: 8, space: 70, incrs: INCREMENTS, grid: { show: false },
          splits: (u, _, low, high, step) => {
            const shift = data.began % 86400, found = [];
            for (let at = Math.ceil((low + shift) / step) * step - shift; at <= high; at += step) found.push(at);
            return found;
          },
          values: (u, splits, _, space, step) => splits.map((at) => (last ? clock(at, step < 60) : "")),
        }),
        Object.assign({}, axis, { size: LEFT, gap: 6, space: 30, values: (u, splits) => splits.map(axisNumber) }),
      ],
      cursor: { y: false, drag: { x: true, y: false, dist: 4 }, points: { size: 7 }, sync: { key: "rampdeck", scales: ["x", null] } },
      hooks: {
        drawClear: [behind(chart)], draw: [over(chart)], setCursor: [(u) => moved(u)],
        setScale: [(u, key) => key === "x" && u === plots[0] && place()],
      },
    }, columns, figure);
    plot.root.querySelector("canvas").setAttribute("aria-hidden", "true");
    if (chart.lines.length > 1) for (const line of chart.lines) head.append(toggle(line, plot));
    plots.push(plot);
  }
  function toggle(line, plot) {
    const button = element("button", "chip");
    button.type = "button";
    button.append(element("i", line.tone), line.name);
    const show = () => button.setAttribute("aria-pressed", String(line.on));
    button.addEventListener("click", () => {
      line.on = !line.on;
      for (const at of [line.place, ...(line.band || [])]) plot.setSeries(at, { show: line.on });
      show();
      reading();
    });
    show();
    return button;
  }

  /* --- lanes --- */
  const strip = element("div", "lanes");
  const bars = [], names = [];
  function lay(lane) {
    const row = element("div", "lane " + lane.sort);
    if (lane.sort === "finding" || lane.sort === "mark") row.append(element("span", "gutter", lane.name.toLowerCase()));
    for (const [number_, span] of lane.spans.entries()) {
      const moment = span.to === null, point = lane.sort === "finding" || lane.sort === "mark";
      const bar = element("button", "span" + (point ? " point" : "") + (number_ % 2 ? " odd" : ""));
      bar.type = "button";
      bar.title = span.text + " (" + clock(span.from, true) + (moment ? "" : " to " + clock(span.to, true)) + " UTC)";
      const name = lane.sort === "step" ? ((VERDICTS[span.state] || "") + " " + span.text).trim() : span.text;
      bar.setAttribute("aria-label", bar.title);
      const label = element("span", "name", point ? GLYPHS[lane.sort] : lane.sort === "step" ? name : "");
      if (lane.sort === "step" && span.state) label.classList.add(span.state);
      bar.append(label);
      bar.addEventListener("click", () => (point ? look(span.from) : zoom(span.from, moment ? span.from : span.to)));
      bar.addEventListener("focus", () => look(span.from));
      row.append(bar);
      bars.push({ bar, span, point, label, name: point ? "" : label.textContent });
    }
    if (lane.sort === "breach" || lane.sort === "warned" || lane.sort === "blind") {
      const aside = element("span", "aside", GLYPHS[lane.sort] + " " + lane.name);
      row.append(aside);
      names.push({ aside, lane });
    }
    strip.append(row);
  }
  function place() {
    const { min, max } = plots[0].scales.x;
    const part = (second) => ((second - min) / (max - min)) * 100;
    const reach = (span) => [part(span.from), part(span.to === null ? span.from : span.to)];
    const seen = ([from, to]) => to >= 0 && from <= 100;
    for (const { bar, span, point, label, name } of bars) {
      const [from, to] = reach(span);
      bar.hidden = !seen([from, to]);
      bar.style.left = Math.max(0, from) + "%";
      if (!point) bar.style.width = "max(3px, " + (Math.min(100, to) - Math.max(0, from)) + "%)";
      if (!name) continue;
      label.textContent = name; // or only its number, where there is no room for a name
      if (bar.scrollWidth > bar.clientWidth) label.textContent = span.text.split(" ")[0];
    }
    for (const { aside, lane } of names) {
      const [first, following] = lane.spans.map(reach).filter(seen);
      aside.hidden = !first;
      if (!first) continue;
      // The name stands before the first bar that is seen, or after it where there is no room, or else upon it.
      const wide = strip.clientWidth, room = aside.offsetWidth + 8, begin = Math.max(0, first[0]) / 100, end = Math.min(100, first[1]) / 100;
      const free = following ? (following[0] / 100) * wide : wide;
      const before = begin * wide > room, after = !before && end * wide + room < free;
      aside.style.left = (before ? begin * wide - room : after ? end * wide + 2 : begin * wide + 6) + "px";
      aside.classList.toggle("over", !before && !after);
    }
  }

  /* --- the read-out: every value at the second under the cursor --- */
  const readout = element("div", "readout");
  const when = element("p", "when"), figures = element("dl"), what = element("p", "what");
  const cells = [];
  let index = null;
  readout.append(when, figures, what);
  for (const chart of data.charts)
    for (const line of chart.lines) {
      const cell = element("div"), name = element("dt"), value = element("dd");
      const same = chart.lines.length === 1;
      const said = same ? chart.title : chart.key === "times" ? line.name : chart.title + " " + line.name;
      name.append(element("i", line.tone), said);
      cell.append(name, value);
      figures.append(cell);
      cells.push({ cell, value, line, unit: chart.unit });
    }
  const highest = (line) => (line.hi || line.v).reduce((most, value) => (value !== null && (most === null || value > most) ? value : most), null);
  function reading() {
    for (const { cell, value, line, unit } of cells) {
      cell.hidden = !line.on;
      const known = index === null ? highest(line) : line.v[index];
      let said = number(known);
      if (index !== null && line.lo && known !== null && line.lo[index] !== line.hi[index])
        said += " (" + number(line.lo[index]) + "…" + number(line.hi[index]) + ")";
      value.textContent = known === null || known === undefined || !unit ? said : said + (unit === "/s" ? "/s" : "\u2009" + unit);
    }
    if (index === null) {
      when.textContent = "Highest of the whole run";
      what.textContent = "Point at a second · drag to zoom · double click for all of it · keys ← → + − Esc";
      return;
    }
    const second = seconds[index], near = Math.max(data.width, (plots[0].scales.x.max - plots[0].scales.x.min) / 200);
    const told = [];
    let level = "";
    for (const lane of data.lanes)
      for (const span of lane.spans) {
        const within = span.to === null ? Math.abs(span.from - second) <= near : span.from - 0.5 <= second && second < span.to;
        if (!within) continue;
        if (lane.sort === "step") level = "step " + span.text;
        else told.push(GLYPHS[lane.sort] + " " + (lane.sort === "blind" ? lane.name : span.text));
      }
    when.textContent = clock(second, true) + " UTC · +" + watch(second) + (level ? " · " + level : "");
    what.textContent = told.slice(0, 4).join("   ");
  }
  function moved(u) {
    const found = u.cursor.left >= 0 ? u.cursor.idx : null;
    if (found === index) return;
    index = found === undefined ? null : found;
    reading();
  }
  function look(second) {
    for (const plot of plots) {
      const left = plot.valToPos(second, "x");
      plot.setCursor({ left, top: 5 }, plot === plots[0], false);
    }
  }
  function zoom(from, to) {
    const least = Math.min(ends[1], 8 * data.width);
    if (to - from < least) [from, to] = [(from + to - least) / 2, (from + to + least) / 2];
    from = Math.max(ends[0], from);
    to = Math.min(ends[1], to);
    for (const plot of plots) plot.setScale("x", { min: from, max: to });
  }
  function keys(event) {
    const { min, max } = plots[0].scales.x, at = index === null ? min : seconds[index];
    const step = data.width * (event.shiftKey ? 10 : 1);
    const go = (second) => look(Math.min(max, Math.max(min, second)));
    const about = index === null ? (min + max) / 2 : at;
    const acts = {
      ArrowLeft: () => go(at - step), ArrowRight: () => go(at + step), Home: () => go(min), End: () => go(max),
      "+": () => zoom(about - (about - min) / 2, about + (max - about) / 2),
      "-": () => zoom(min - (max - min) / 2, max + (max - min) / 2),
      Escape: () => zoom(ends[0], ends[1]),
    };
    acts["="] = acts["+"];
    if (event.ctrlKey || event.metaKey || event.altKey || !acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  home.hidden = false;
  document.documentElement.classList.add("drawn");
  home.tabIndex = 0;
  home.setAttribute("role", "group");
  home.setAttribute("aria-label", "Timeline. Left and right move by a second, plus and minus zoom, Escape shows all of it.");
  readout.setAttribute("aria-live", "polite");
  home.append(readout, strip);
  data.lanes.forEach(lay);
  data.charts.forEach((chart, at) => draw(chart, at === data.charts.length - 1));
  place();
  reading();
  home.addEventListener("keydown", keys);
  new ResizeObserver(() => {
    const wide = home.querySelector("figure").clientWidth;
    for (const plot of plots) if (wide && plot.width !== wide) plot.setSize({ width: wide, height: plot.height });
    place();
  }).observe(home);
  window.rampdeck = {
    plots,
    redraw: () => {
      colours = {};
      for (const plot of plots) {
        plot.redraw(false, true);
        plot.setCursor({ left: plot.cursor.left, top: plot.cursor.top }, false, false);
      }
    },
  };
})();
