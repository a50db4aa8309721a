var kite = createSprite(200, 300);
var tail = createSprite(200, 340);
function draw() {
  background("skyblue");
  kite.y = kite.y - 1;
  tail.y = kite.y + 40;
  kite.x = 200 + randomNumber(-3, 3);
  drawSprites();
}
