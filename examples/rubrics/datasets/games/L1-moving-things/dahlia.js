var butterfly = createSprite(200, 200);
function draw() {
  background("green");
  butterfly.x = butterfly.x + randomNumber(-5, 5);
  butterfly.y = butterfly.y + randomNumber(-5, 5);
  drawSprites();
}
