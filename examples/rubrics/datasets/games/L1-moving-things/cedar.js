var a = createSprite(50, 50);
var b = createSprite(150, 50);
function draw() {
  background("white");
  a.x = a.x + 1;
  b.y = b.y + randomNumber(-2, 2);
  drawSprites();
}
