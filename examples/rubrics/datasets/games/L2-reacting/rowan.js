var ghost = createSprite(50, 200);
function haunt() {
  ghost.x = ghost.x + 1;
}
function draw() {
  background("purple");
  drawSprites();
}
