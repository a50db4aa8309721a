var dragon = createSprite(200, 300);
function flame() {
  ellipse(dragon.x, dragon.y - 40, 20, 60);
}
function draw() {
  background("darkred");
  dragon.x = World.mouseX;
  if (keyWentDown("f")) {
    flame();
  }
  drawSprites();
}
