"use strict";
// The page's elements: one by its id, and new ones.

const $ = (id) => document.getElementById(id);

function element(tag, text, attributes = {}) {
  const made = Object.assign(document.createElement(tag), attributes);
  if (text !== undefined) made.textContent = text;
  return made;
}
