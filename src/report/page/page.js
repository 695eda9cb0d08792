"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const hidden = { run: new Set(), split: new Set() };
  const charts = [];

  // Numbers, as the page says them elsewhere.
  const tidy = (value) => Number(value.toPrecision(10));
  const digits = (value) => (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6) ? value.toExponential(3) : String(Number(value.toPrecision(4))));
  const exact = (value, percent) => (percent ? `${(value * 100).toFixed(2)} %` : digits(value));
  const round = (value, percent) => {
    if (percent) return `${tidy(value * 100)} %`;
    if (Math.abs(value) >= 1e4) return `${tidy(value / 1e3)}k`;
    return value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential().replace("e+", "e") : String(tidy(value));
  };
  const count = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ",");

  function ticks(low, high, about) {
    const raw = (high - low) / about;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw) ?? 10 * power;
    const found = [];
    for (let at = Math.ceil(low / step); at * step <= high * (1 + 1e-12); at++) found.push(tidy(at * step));
    return found;
  }

  function logTicks(low, high) {
    const factors = high / low > 1e3 ? [1] : [1, 2, 5];
    const found = [];
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
      for (const factor of factors) {
        const value = tidy(factor * 10 ** power);
        if (value >= low && value <= high) found.push(value);
      }
    }
    return found.length > 1 ? found : ticks(low, high, 4);
  }

  class Chart {
    constructor(figure) {
      this.figure = figure;
      this.svg = figure.querySelector(".plot");
      this.about = data.charts[Number(figure.dataset.chart)];
      this.range = null;
      this.isLog = false;
      this.logButton = figure.querySelector(".log");
      this.resetButton = figure.querySelector(".reset");
      this.logButton.addEventListener("click", () => {
        this.isLog = !this.isLog;
        this.logButton.setAttribute("aria-pressed", String(this.isLog));
        this.draw();
      });
      this.resetButton.addEventListener("click", () => this.look(null));
      this.svg.addEventListener("dblclick", () => this.look(null));
      this.svg.addEventListener("pointermove", (event) => this.move(event));
      this.svg.addEventListener("pointerleave", () => this.leave());
      this.svg.addEventListener("pointerdown", (event) => this.press(event));
      this.svg.addEventListener("pointerup", (event) => this.release(event));
      this.svg.addEventListener("pointercancel", () => { this.pressed = null; this.leave(); });
    }

    look(range) {
      this.range = range;
      this.resetButton.hidden = range === null;
      this.draw();
    }

    // The curves that are not hidden, with the points that are looked at and one more on each side.
    shown() {
      const [from, to] = this.range ?? [-Infinity, Infinity];
      const can = (y) => y !== null && (!this.isLog || y > 0);
      return this.about.series
        .filter((series) => !hidden.run.has(series.run) && !hidden.split.has(series.split))
        .map((series) => {
          const kept = [];
          series.x.forEach((x, at) => {
            const after = series.x[at + 1] ?? x, before = series.x[at - 1] ?? x;
            if (after >= from && before <= to) kept.push([x, can(series.y[at]) ? series.y[at] : null]);
          });
          return { ...series, points: kept, whole: series.x.length };
        });
    }

    draw() {
      const width = this.svg.clientWidth || 560, height = this.svg.clientHeight || 280;
      const margin = { left: 54, right: 14, top: 10, bottom: 26 };
      const shown = this.shown();
      const all = shown.flatMap((series) => series.points).filter((point) => point[1] !== null);
      const within = this.range ? all.filter(([x]) => x >= this.range[0] && x <= this.range[1]) : all;
      const extent = (values) => values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
      let [x0, x1] = this.range ?? extent(all.map((point) => point[0]));
      let [y0, y1] = extent((within.length ? within : all).map((point) => point[1]));
      if (x0 > x1) [x0, x1, y0, y1] = [0, 1, this.isLog ? 1 : 0, this.isLog ? 10 : 1];
      if (x0 === x1) [x0, x1] = [x0 - 0.5 * Math.max(Math.abs(x0), 1e-9), x1 + 0.5 * Math.max(Math.abs(x1), 1e-9)];
      const room = this.isLog ? 1 + 0.05 * Math.log(Math.max(y1 / y0, 1.1)) : 0.05 * (y1 - y0);
      if (y0 === y1) [y0, y1] = this.isLog ? [y0 / 2, y1 * 2] : [y0 - 0.5 * Math.max(Math.abs(y0), 1e-9), y1 + 0.5 * Math.max(Math.abs(y1), 1e-9)];
      else if (this.isLog) [y0, y1] = [y0 / room, y1 * room];
      else [y0, y1] = [y0 >= 0 ? Math.max(0, y0 - room) : y0 - room, y1 + room];
      const up = this.isLog ? Math.log : (value) => value;
      const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
      const px = (value) => Math.round(value * 10) / 10;
      const place = {
        x: (x) => px(margin.left + ((x - x0) / (x1 - x0)) * inner.width),
        y: (y) => px(margin.top + inner.height - ((up(y) - up(y0)) / (up(y1) - up(y0))) * inner.height),
      };
      this.view = { x0, x1, margin, inner, width, height, place, shown };

      const floor = height - margin.bottom;
      let axes = "";
      for (const value of this.isLog ? logTicks(y0, y1) : ticks(y0, y1, 5)) {
        const y = place.y(value);
        axes += `<line x1="${margin.left}" x2="${width - margin.right}" y1="${y}" y2="${y}"/>`;
        axes += `<text x="${margin.left - 6}" y="${y + 4}" text-anchor="end">${round(value, this.about.percent)}</text>`;
      }
      for (const value of ticks(x0, x1, Math.max(2, Math.floor(inner.width / 80))).filter(Number.isInteger)) {
        const x = place.x(value);
        axes += `<line x1="${x}" x2="${x}" y1="${floor}" y2="${floor + 4}"/><text x="${x}" y="${floor + 17}" text-anchor="middle">${round(value, false)}</text>`;
      }
      axes += `<line class="base" x1="${margin.left}" x2="${width - margin.right}" y1="${floor}" y2="${floor}"/>`;
      axes += `<line class="base" x1="${margin.left}" x2="${margin.left}" y1="${margin.top}" y2="${floor}"/>`;
      // An svg inside cuts curves off where the axes end; dots at the very edge may reach over.
      const edge = this.range ? 0 : 6;
      const box = `x="${margin.left - edge}" y="${margin.top - 6}" width="${inner.width + 2 * edge}" height="${inner.height + 12}"`;
      const curves = `<svg ${box} viewBox="${margin.left - edge} ${margin.top - 6} ${inner.width + 2 * edge} ${inner.height + 12}">${shown.map((series) => this.curve(series, place)).join("")}</svg>`;
      this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      this.svg.innerHTML = `<g class="axes">${axes}</g>${curves}<g class="over"></g>`;
    }

    curve(series, place) {
      const look = `${series.split.replace("/", "-")}" style="--h:${series.hue}"`;
      let path = "", isDrawn = false, dots = "";
      const dotted = (series.split !== "train" || series.whole === 1) && series.points.length <= 60;
      for (const [x, y] of series.points) {
        if (y !== null) {
          path += `${isDrawn ? "L" : "M"}${place.x(x)} ${place.y(y)}`;
          if (dotted) dots += `<circle class="dot ${look} cx="${place.x(x)}" cy="${place.y(y)}" r="3"/>`;
        }
        isDrawn = y !== null;
      }
      return `<path class="line ${look} d="${path}"/>${dots}`;
    }

    // The update under the pointer.
    at(event) {
      const { x0, x1, margin, inner } = this.view;
      const share = (event.clientX - this.svg.getBoundingClientRect().left - margin.left) / inner.width;
      return x0 + Math.min(1, Math.max(0, share)) * (x1 - x0);
    }

    press(event) {
      if (event.button !== 0) return;
      this.pressed = { x: event.clientX, at: this.at(event) };
      this.svg.setPointerCapture(event.pointerId);
      this.move(event);
    }

    release(event) {
      const pressed = this.pressed;
      this.pressed = null;
      if (!pressed || Math.abs(event.clientX - pressed.x) < 6) return;
      const range = [pressed.at, this.at(event)].sort((one, other) => one - other);
      this.look(range);
    }

    move(event) {
      const near = this.at(event);
      const over = this.svg.querySelector(".over");
      const { place, margin, inner, shown } = this.view;
      const reach = 0.02 * (this.view.x1 - this.view.x0);
      const nearest = shown.map((series) => {
        const real = series.points.filter((point) => point[1] !== null);
        // A curve has no value where it has not begun or is over.
        const isThere = real.length && near > real[0][0] - reach && near < real[real.length - 1][0] + reach;
        if (!isThere) return { series, point: null };
        return { series, point: real.reduce((best, point) => (best === null || Math.abs(point[0] - near) < Math.abs(best[0] - near) ? point : best), null) };
      }).filter((found) => found.point !== null);
      if (!nearest.length || !over) return this.leave();
      const x = nearest.map((found) => found.point[0]).reduce((best, x) => (Math.abs(x - near) < Math.abs(best - near) ? x : best));
      const chosen = this.pressed ? [this.pressed.at, near].sort((one, other) => one - other).map(place.x) : null;
      over.innerHTML = `<line class="cross" x1="${place.x(x)}" x2="${place.x(x)}" y1="${margin.top}" y2="${margin.top + inner.height}"/>` +
        (chosen ? `<rect class="chosen" x="${chosen[0]}" y="${margin.top}" width="${chosen[1] - chosen[0]}" height="${inner.height}"/>` : "");
      this.tell(event, x, nearest);
    }

    tell(event, x, nearest) {
      const MOST = 14;
      tip.replaceChildren();
      const where = document.createElement("div");
      where.className = "where";
      where.textContent = `update ${count(x)}`;
      tip.append(where);
      const sorted = nearest.sort((one, other) => other.point[1] - one.point[1]);
      for (const { series, point } of sorted.slice(0, MOST)) {
        const row = document.createElement("div");
        row.className = "row";
        const swatch = document.createElement("span");
        swatch.className = "swatch";
        swatch.style.setProperty("--h", series.hue);
        const label = document.createElement("span");
        const split = series.split === "teacher/dev" ? "teacher on dev" : series.split;
        label.textContent = (data.runs.length > 1 ? `${series.run + 1} ${data.runs[series.run]}, ` : "") + split + (point[0] === x ? "" : ` at ${count(point[0])}`);
        const value = document.createElement("b");
        value.textContent = exact(point[1], this.about.percent);
        row.append(swatch, label, value);
        tip.append(row);
      }
      if (sorted.length > MOST) {
        const more = document.createElement("div");
        more.className = "where";
        more.textContent = `and ${sorted.length - MOST} more`;
        tip.append(more);
      }
      tip.hidden = false;
      const { offsetWidth: width, offsetHeight: height } = tip;
      const left = event.clientX + 16 + width < innerWidth ? event.clientX + 16 : event.clientX - 16 - width;
      tip.style.left = `${Math.max(4, Math.min(left, innerWidth - width - 4))}px`;
      tip.style.top = `${Math.max(4, Math.min(event.clientY + 14, innerHeight - height - 4))}px`;
    }

    leave() {
      tip.hidden = true;
      const over = this.svg.querySelector(".over");
      if (over && !this.pressed) over.innerHTML = "";
    }
  }

  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);

  for (const figure of document.querySelectorAll(".chart")) charts.push(new Chart(figure));
  const resized = new ResizeObserver((entries) => {
    for (const entry of entries) charts.find((chart) => chart.svg === entry.target)?.draw();
  });
  for (const chart of charts) {
    chart.draw();
    resized.observe(chart.svg);
  }

  // Legends: a click hides or shows, with Shift one stays alone; and again, all come back.
  for (const [kind, read] of [["run", Number], ["split", String]]) {
    const buttons = [...document.querySelectorAll(`button[data-${kind}]`)];
    const all = buttons.map((button) => read(button.dataset[kind]));
    for (const button of buttons) {
      button.addEventListener("click", (event) => {
        const own = read(button.dataset[kind]), set = hidden[kind];
        if (event.shiftKey) {
          const isAlone = set.size === all.length - 1 && !set.has(own);
          set.clear();
          if (!isAlone) all.filter((other) => other !== own).forEach((other) => set.add(other));
        } else if (!set.delete(own)) set.add(own);
        buttons.forEach((other) => other.setAttribute("aria-pressed", String(!set.has(read(other.dataset[kind])))));
        charts.forEach((chart) => chart.draw());
      });
    }
  }

  // Tables sort by a click on a heading; what has no value stays last.
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.addEventListener("click", () => {
      const isDown = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
      const key = (row) => {
        const cell = row.cells[column];
        if (cell.dataset.sort !== undefined) return Number(cell.dataset.sort);
        const text = cell.textContent.trim(), number = Number(text);
        return text === "–" ? null : text !== "" && Number.isFinite(number) ? number : text;
      };
      const compare = (one, other) => {
        if (one === null || other === null) return (one === null) - (other === null);
        const order = typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other));
        return isDown ? -order : order;
      };
      const body = table.tBodies[0];
      body.append(...[...body.rows].sort((one, other) => compare(key(one), key(other))));
    }));
  }

  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    try {
      localStorage.setItem("runner-theme", root.dataset.theme);
    } catch { /* As above. */ }
  });

  // A link to a folded part unfolds it.
  const unfold = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) target.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();
})();
