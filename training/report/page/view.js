// A window of time that several pictures share: zoom and pan by wheel, keys and touch.
"use strict";

(() => {
  const LEAST = 0.02; // seconds, the shortest window

  aez.View = class {
    constructor(changed) {
      this.changed = changed;
      this.reset(0);
    }

    reset(duration) {
      Object.assign(this, { duration, from: 0, to: duration });
    }

    get span() {
      return this.to - this.from;
    }

    get zoomed() {
      return this.span < this.duration * (1 - 1e-9);
    }

    share(time) {
      return this.span ? (time - this.from) / this.span : 0;
    }

    time(share) {
      return this.from + share * this.span;
    }

    /** Show from `from` on, `span` seconds long, both brought to where there is something. */
    show(from, span) {
      const length = Math.min(this.duration, Math.max(span, Math.min(LEAST, this.duration)));
      const start = Math.max(0, Math.min(from, this.duration - length));
      if (start === this.from && start + length === this.to) return;
      Object.assign(this, { from: start, to: start + length });
      this.changed();
    }

    /** Enlarge by `factor`, the time at `share` of the width staying where it is. */
    zoom(factor, share = 0.5) {
      const length = Math.max(LEAST, Math.min(this.span / factor, this.duration));
      this.show(this.time(share) - share * length, length);
    }

    pan(shares) {
      this.show(this.from + shares * this.span, this.span);
    }

    /** Turn pages, so that a time that is played can be seen. */
    follow(time) {
      if (this.zoomed && (time < this.from || time > this.to)) this.show(time - 0.02 * this.span, this.span);
    }
  };

  /**
   * Gestures on an element as wide as the view. With Ctrl, or where the element has the keyboard, the wheel zooms; it
   * pans sideways, or with Shift. Two fingers zoom and pan, one pans; a click or tap is told to `clicked` as a time.
   */
  aez.gestures = (element, view, clicked) => {
    const down = new Map(); // id of a pointer -> its position
    let moved = 0;
    const share = (x) => {
      const box = element.getBoundingClientRect();
      return (x - box.left) / box.width;
    };
    const middle = () => [...down.values()].reduce((sum, x) => sum + x, 0) / down.size;
    const spread = () => Math.max(...down.values()) - Math.min(...down.values());

    element.addEventListener("wheel", (event) => {
      const unit = event.deltaMode === 1 ? 16 : 1;
      const sideways = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
      if (Math.abs(sideways) > Math.abs(event.deltaY) || event.shiftKey) {
        if (!view.zoomed) return;
        view.pan((sideways * unit) / element.clientWidth);
      } else if (event.ctrlKey || event.metaKey || element.contains(document.activeElement)) {
        view.zoom(Math.exp(-Math.max(-200, Math.min(event.deltaY * unit, 200)) / 300), share(event.clientX));
      } else return;
      event.preventDefault();
    }, { passive: false });
    element.addEventListener("pointerdown", (event) => {
      if (event.button || event.target.closest("label, .strip")) return; // these have their own gestures
      down.set(event.pointerId, event.clientX);
      if (down.size === 1) moved = 0;
      else moved = Infinity; // two fingers are never a tap
    });
    element.addEventListener("pointermove", (event) => {
      if (!down.has(event.pointerId)) return;
      const [before, wide] = [middle(), spread()];
      const old = down.get(event.pointerId);
      down.set(event.pointerId, event.clientX);
      moved += Math.abs(event.clientX - old);
      if (moved < 5) return;
      if (!element.hasPointerCapture(event.pointerId)) element.setPointerCapture(event.pointerId);
      const now = middle();
      view.pan((before - now) / element.clientWidth);
      if (down.size > 1 && wide > 10 && spread() > 10) view.zoom(spread() / wide, share(now));
    });
    for (const name of ["pointerup", "pointercancel"]) {
      element.addEventListener(name, (event) => {
        const known = down.delete(event.pointerId);
        if (known && name === "pointerup" && moved < 5) clicked(view.time(share(event.clientX)));
      });
    }
    element.addEventListener("lostpointercapture", (event) => {
      if (event.target === element) down.delete(event.pointerId); // and not when a picture loses it to the element
    });
  };

  /** Keys of a view: whether the key was one of them. */
  aez.viewKey = (view, key) => {
    const acts = {
      "+": () => view.zoom(2), "=": () => view.zoom(2), "-": () => view.zoom(0.5), _: () => view.zoom(0.5),
      ArrowLeft: () => view.pan(-0.2), ArrowRight: () => view.pan(0.2),
      Home: () => view.show(0, view.span), End: () => view.show(view.duration, view.span), Escape: () => view.show(0, view.duration),
    };
    acts[key]?.();
    return key in acts;
  };
})();
