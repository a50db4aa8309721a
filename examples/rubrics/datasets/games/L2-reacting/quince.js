var score = 0;
var target = createSprite(200, 200);
function draw() {
  background("white");
  if (mousePressedOver(target)) {
    score = score + 1;
    target.x = randomNumber(50, 350);
  }
  if (score > 9) {
    text("You win", 150, 50);
  } else {
    text(score, 20, 20);
  }
  drawSprites();
}
