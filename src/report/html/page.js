'use strict';
(() => {
  const NS = 'http://www.w3.org/2000/svg';
  const all = (query, root = document) => [...root.querySelectorAll(query)];

  // Tables: a button in each heading sorts; a third press restores the order of the report.
  const number = (text) => {
    const found = text.replace(/,/g, '').match(/[-−+]?\d+(\.\d+)?/);
    return found ? parseFloat(found[0].replace('−', '-')) : NaN;
  };
  const compare = (a, b) => (typeof a === 'number' ? a - b : a.localeCompare(b, undefined, { numeric: true }));
  for (const table of all('table')) {
    const body = table.tBodies[0];
    if (!body || body.rows.length < 2) continue;
    const original = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, at) => {
      const isNumber = head.classList.contains('num');
      const key = (row) => (isNumber ? number(row.cells[at].textContent) : row.cells[at].textContent);
      const button = document.createElement('button');
      button.type = 'button';
      button.title = 'Sort';
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener('click', () => {
        const order = isNumber ? ['descending', 'ascending'] : ['ascending', 'descending'];
        const next = order[order.indexOf(head.getAttribute('aria-sort')) + 1];
        heads.forEach((other) => other.removeAttribute('aria-sort'));
        let rows = original;
        if (next) {
          head.setAttribute('aria-sort', next);
          const sign = next === 'ascending' ? 1 : -1;
          const keyed = original.map((row) => [key(row), row]);
          // A missing figure is last in either order.
          keyed.sort(([a], [b]) => Number.isNaN(a) - Number.isNaN(b) || (Number.isNaN(a) ? 0 : sign * compare(a, b)));
          rows = keyed.map(([, row]) => row);
        }
        body.append(...rows);
      });
    });
  }

  // Charts: read a value under the pointer, zoom along the horizontal axis.
  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.hidden = true;
  document.body.append(tip);
  const hide = () => { tip.hidden = true; };
  const say = (text, event) => {
    tip.textContent = text;
    tip.hidden = false;
    const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 6);
    const y = event.clientY + 18 + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 12 : event.clientY + 18;
    tip.style.left = `${Math.max(4, x)}px`;
    tip.style.top = `${Math.max(4, y)}px`;
  };
  // A pixel carries no more digits.
  const short = (value) => value.toLocaleString('en', { maximumSignificantDigits: 3 });
  const svgElement = (name, attributes, ...children) => {
    const element = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };
  const points = (path) => path.getAttribute('d').split('M').slice(1).flatMap((part) => {
    const numbers = part.replace('h0', '').split(' ').map(Number);
    return Array.from({ length: numbers.length >> 1 }, (_, at) => [numbers[2 * at], numbers[2 * at + 1]]);
  });
  const roundTicks = (low, high, isLog) => {
    if (isLog && high / low > 8) {
      const from = Math.floor(Math.log10(low));
      const powers = Array.from({ length: Math.ceil(Math.log10(high)) - from + 1 }, (_, at) => 10 ** (from + at));
      return powers.flatMap((power) => [power, 2 * power, 5 * power]).filter((tick) => tick >= low && tick <= high);
    }
    const least = (high - low) / 6;
    const power = 10 ** Math.floor(Math.log10(least));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= least);
    const first = Math.ceil(low / step);
    return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, at) => (first + at) * step);
  };

  class Panel {
    constructor(group, chart) {
      this.group = group;
      this.chart = chart;
      this.plot = group.querySelector('.plot');
      this.data = group.querySelector('.data');
      this.width = Number(this.plot.getAttribute('width'));
      this.height = Number(this.plot.getAttribute('height'));
      const [from, to, kind, ticks] = group.dataset.x.split(' ');
      const [low, high, vertical] = group.dataset.y.split(' ');
      this.x = { from: Number(from), to: Number(to), isLog: kind === 'log', isFixed: ticks === 'fixed' };
      this.y = { from: Number(low), to: Number(high), isLog: vertical === 'log', isNames: vertical === 'names' };
      this.key = group.dataset.x;
      this.labels = [group.dataset.xl, group.dataset.yl];
      this.axis = group.querySelector('.xaxis');
      this.ticks = [...this.axis.children].map((tick) => [tick, Number(tick.dataset.v)]);
      this.placed = all('.at', group).map((mark) => {
        const [x, y] = mark.getAttribute('transform').match(/[-\d.]+/g).map(Number);
        return [mark, x, y];
      });
      this.lines = null;
      this.view = [0, this.width];
      for (const title of all('.data title, .at title', group)) {
        title.parentNode.dataset.t = title.textContent;
        title.parentNode.setAttribute('aria-label', title.textContent);
        title.remove();
      }
      this.cursor = svgElement('circle', { r: 4, class: 'cursor off' });
      this.selection = svgElement('rect', { y: 0, height: this.height, class: 'sel off' });
      this.plot.append(this.selection, this.cursor);
      group.addEventListener('pointermove', (event) => this.move(event));
      group.addEventListener('pointerleave', () => this.leave());
      group.addEventListener('pointerdown', (event) => this.press(event));
      group.addEventListener('pointerup', (event) => this.release(event));
      group.addEventListener('pointercancel', () => this.release());
      group.addEventListener('dblclick', () => this.chart.show(this.key, [0, this.width]));
    }

    scale() { return this.width / (this.view[1] - this.view[0]); }

    value(axis, share) {
      return axis.isLog ? axis.from * (axis.to / axis.from) ** share : axis.from + share * (axis.to - axis.from);
    }

    px(value) {
      const { from, to, isLog } = this.x;
      const share = isLog ? Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from);
      return share * this.width;
    }

    at(event) {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.group.getScreenCTM().inverse());
      return [point.x, point.y];
    }

    show(view) {
      this.view = view;
      const scale = this.scale();
      const moved = (x) => (x - view[0]) * scale;
      const isWhole = scale < 1.0001;
      this.data.setAttribute('transform', `matrix(${scale} 0 0 1 ${-view[0] * scale} 0)`);
      for (const [mark, x, y] of this.placed) {
        mark.setAttribute('transform', `translate(${moved(x)} ${y})`);
        mark.classList.toggle('off', moved(x) < -1 || moved(x) > this.width + 1);
      }
      let ticks = this.ticks;
      if (!isWhole && !this.x.isFixed && ticks.length) {
        const [low, high] = view.map((x) => this.value(this.x, x / this.width));
        const template = ticks[0][0];
        ticks = roundTicks(low, high, this.x.isLog).map((value) => {
          const tick = template.cloneNode(true);
          const text = tick.querySelector('text');
          if (text) text.textContent = value.toLocaleString('en', { maximumSignificantDigits: 6 });
          return [tick, value];
        });
      }
      this.axis.replaceChildren(...ticks.map(([tick]) => tick));
      for (const [tick, value] of ticks) {
        const x = moved(this.px(value));
        tick.setAttribute('transform', `translate(${x} 0)`);
        tick.classList.toggle('off', x < -1 || x > this.width + 1);
      }
    }

    move(event) {
      const [x, y] = this.at(event);
      if (this.from !== undefined) {
        const [left, right] = [Math.min(this.from, x), Math.max(this.from, x)].map((at) => Math.min(this.width, Math.max(0, at)));
        this.selection.setAttribute('x', left);
        this.selection.setAttribute('width', right - left);
        this.selection.classList.remove('off');
        this.chosen = [left, right];
        hide();
        return;
      }
      const titled = event.target.closest('[data-t]');
      if (titled) {
        this.cursor.classList.add('off');
        say(titled.dataset.t, event);
        return;
      }
      this.lines ??= all('.line', this.data).map((line) => [line.dataset.n, points(line)]);
      const scale = this.scale();
      let best = null;
      for (const [name, line] of this.lines) {
        for (const [px, py] of line) {
          const distance = Math.hypot((px - this.view[0]) * scale - x, py - y);
          if (distance < 28 && (!best || distance < best.distance)) best = { distance, name, px, py };
        }
      }
      this.cursor.classList.toggle('off', !best);
      if (!best) return hide();
      this.cursor.setAttribute('cx', (best.px - this.view[0]) * scale);
      this.cursor.setAttribute('cy', best.py);
      const [across, up] = [this.value(this.x, best.px / this.width), this.value(this.y, 1 - best.py / this.height)];
      const lines = [`${this.labels[1]}: ${short(up)}`, `${this.labels[0]}: ${short(across)}`];
      say([best.name, ...lines].filter(Boolean).join('\n'), event);
    }

    leave() {
      this.cursor.classList.add('off');
      hide();
    }

    press(event) {
      // A finger scrolls the page.
      if (event.pointerType === 'touch' || event.button !== 0) return;
      const [x, y] = this.at(event);
      if (x < 0 || x > this.width || y < 0 || y > this.height) return;
      this.from = x;
      this.chosen = null;
      this.group.setPointerCapture(event.pointerId);
      event.preventDefault();
    }

    release() {
      const chosen = this.chosen;
      this.selection.classList.add('off');
      this.from = undefined;
      this.chosen = null;
      if (!chosen || chosen[1] - chosen[0] < 6) return;
      const scale = this.scale();
      this.chart.show(this.key, chosen.map((x) => this.view[0] + x / scale));
    }
  }

  class Chart {
    constructor(svg) {
      this.panels = all('.panel', svg).map((group) => new Panel(group, this));
      svg.tabIndex = 0;
      svg.addEventListener('keydown', (event) => this.key(event));
    }

    show(key, view) {
      for (const panel of this.panels) if (panel.key === key) panel.show(view);
    }

    key(event) {
      const zoom = { '+': 0.5, '=': 0.5, '-': 2 }[event.key];
      const step = { ArrowLeft: -0.2, ArrowRight: 0.2 }[event.key];
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key !== 'Escape' && event.key !== '0' && zoom === undefined && step === undefined) return;
      for (const panel of this.panels) {
        const [from, to] = panel.view;
        const length = Math.min(panel.width, (to - from) * (zoom ?? 1));
        const middle = (from + to) / 2 + (step ?? 0) * (to - from);
        const left = Math.min(panel.width - length, Math.max(0, middle - length / 2));
        panel.show(event.key === 'Escape' || event.key === '0' ? [0, panel.width] : [left, left + length]);
      }
      event.preventDefault();
    }
  }

  const charts = all('.chart');
  // Charts off the screen wait for their first use.
  const made = new WeakMap();
  const wake = (event) => {
    const svg = event.target.closest?.('.chart');
    if (svg && !made.has(svg)) made.set(svg, new Chart(svg));
  };
  for (const svg of charts) svg.tabIndex = 0;
  for (const kind of ['pointerover', 'pointerdown', 'focusin']) document.addEventListener(kind, wake, true);
  if (charts.length) {
    const hint = document.createElement('p');
    hint.className = 'hint';
    hint.textContent = 'Charts: point at a line to read it, drag to zoom, double-click to reset. With the keyboard: + and − zoom, arrows move, 0 resets. Tables: press a heading to sort.';
    document.querySelector('nav').after(hint);
  }

  // Paper has no folds.
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = all('details:not([open])');
    opened.forEach((part) => { part.open = true; });
  });
  addEventListener('afterprint', () => opened.forEach((part) => { part.open = false; }));
})();
