// What the page knows, and how it says what went wrong.

export const $ = id => document.getElementById(id);
export const takes = new Map();   // what the studio said last of each recording
export const patches = new Map(); // the patch of each that is played: { unit, name, own, before, shown }
export const view = { chosen: null }; // the number of the recording that is looked at

export const say = text => { $("notice").textContent = text; };
export const tried = action => async (...given) => {
  try { say(""); return await action(...given); } catch (error) { say(error.message); }
};
