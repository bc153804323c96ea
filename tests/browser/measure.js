// What a page shows: the luminance of its ground, and of every visible text and every field's edge the contrast to what
// lies behind it, with the least that WCAG 2.2 allows (1.4.3, 1.4.11).
() => {
  const channels = (color) => {
    const numbers = color.match(/[\d.]+/g).map(Number);
    return numbers.length > 3 ? numbers : [...numbers, 1];
  };
  const over = ([r, g, b, a], ground) => [r, g, b].map((channel, i) => channel * a + ground[i] * (1 - a));
  const luminance = (color) => {
    const [r, g, b] = color.map((channel) => {
      const share = channel / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  };

  // What the browser paints where a page has no ground of its own.
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.backgroundColor = "Canvas";
  const canvas = channels(getComputedStyle(probe).backgroundColor);
  probe.remove();
  const groundOf = (element) => {
    const grounds = [];
    for (let node = element; node; node = node.parentElement) {
      grounds.unshift(channels(getComputedStyle(node).backgroundColor));
    }
    return grounds.reduce((ground, color) => over(color, ground), canvas.slice(0, 3));
  };

  const measured = [];
  const measure = (what, color, ground, least) =>
    measured.push({ what, contrast: contrast(over(channels(color), ground), ground), least });
  const measureText = (text, element) => {
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    measure(text, style.color, groundOf(element), isLarge ? 3 : 4.5);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.data.trim();
    const element = texts.currentNode.parentElement;
    if (text && element.checkVisibility({ visibilityProperty: true })) measureText(text, element);
  }
  for (const field of document.querySelectorAll("input:not([type=hidden])")) {
    measureText(field.value, field);
    measure(`edge of ${field.name}`, getComputedStyle(field).borderTopColor, groundOf(field.parentElement), 3);
  }
  return { ground: luminance(groundOf(document.body)), measured };
}
