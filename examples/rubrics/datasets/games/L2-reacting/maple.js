var hedgehog = createSprite(200, 200);
function walk() {
  if (keyDown("left")) { hedgehog.x = hedgehog.x - 2; }
  if (keyDown("right")) { hedgehog.x = hedgehog.x + 2; }
}
function hide() {
  if (mouseDown("leftButton")) { hedgehog.scale = 0.5; }
}
function draw() {
  background("tan");
  walk();
  hide();
  drawSprites();
}
