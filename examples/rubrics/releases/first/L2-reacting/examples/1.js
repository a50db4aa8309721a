var gate = createSprite(300, 200);
function toggle() {
  gate.visible = !gate.visible;
}
function draw() {
  background("brown");
  if (keyWentDown("g")) {
    toggle();
  }
  drawSprites();
}
